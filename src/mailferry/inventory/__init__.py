"""What Microsoft, the logs and the gateway know of the clients, read from exports and joined into one list."""
