"""What can be observed: mail log, structured logging with redaction, metrics. Imports nothing of ours."""
