"""The configuration: TOML files and environment into validated settings, with every error at once and in its place."""
