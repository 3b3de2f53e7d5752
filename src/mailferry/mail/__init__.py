"""What a message is, apart from the wire and the store: addresses, envelope, message, header, body, outcome, report."""
