"""OAuth tokens: the broker is the only holder of credentials and the only asker of token endpoints."""
