SELECT json_object(
    'received', strftime('%Y-%m-%dT%H:%M:%SZ', m.received_at / 1000000, 'unixepoch'),
    'message', CAST(m.id AS TEXT), 'number', CAST(r.number AS TEXT), 'mailbox', m.mailbox, 'login', coalesce(m.account, ''),
    'sender', m.reverse_path, 'address', m.address, 'helo', m.helo, 'tls', coalesce(m.tls, 'none'), 'state', r.state,
    'reply', r.last_reply, 'lane', r.lane, 'header_id', m.header_id, 'subject', m.subject, 'recipient', r.address,
    'size', CAST(m.size AS TEXT))
FROM message AS m JOIN recipient AS r ON r.message = m.id ORDER BY m.id, r.number
