"""From the spool to the routes: when which message is tried, what an answer means for it, who hears of a failure."""
