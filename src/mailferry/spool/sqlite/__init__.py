"""The embedded store: SQLite with group commit, and files for large bodies."""
