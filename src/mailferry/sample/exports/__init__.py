"""One file for each format in which the sample organisation is exported, written after the vendors' own."""
