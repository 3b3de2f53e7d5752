"""The console in the browser: pages of server-rendered HTML over what `ops` offers. See docs/guides/console.md."""
