"""Mailferry: carries mail senders across the end of SMTP AUTH Basic authentication in Exchange Online."""

__version__ = "0.1.0"
