"""The SMTP submission server: takes mail from clients, decides who may send what, and spools it before it says 250.

Leaves to others: the grammar and state of SMTP (smtp), storage (spool), the choice of a route (routes.table) and every
way out (delivery). Four rooms keep the connection from growing into one file: protocol (socket), session (glue),
policy (pure decisions), and the core in smtp.
"""
