"""A Microsoft 365 tenant in a box: token endpoint, client submission, mailboxes, control interface, inbox page.

Leaves to others: everything of the gateway. It imports only smtp, m365 and clock, so that it cannot confirm the
gateway's own errors: its texts and rules are written again from published and observed sources.
Invariant: what Microsoft has not published is a setting with a stated default, never a silent guess.
"""
