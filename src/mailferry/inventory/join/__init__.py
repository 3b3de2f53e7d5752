"""From the facts of all exports to one list of clients: who sends, whence, how, and what becomes of it."""
