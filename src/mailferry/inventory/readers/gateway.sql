-- name: stage
-- The mailbox that the gateway sends as is the one that Microsoft knows; the login is the gateway's own. What is held
-- or waits is no refusal of the client.
SELECT record, CASE WHEN moment(happened) IS NULL THEN 'bad-time' END AS skip, key_of(concat_ws(chr(31), 'gateway', id, number)) AS key,
    moment(happened) AS instant, lower(account) AS account, lower(sender) AS sender, ip_of(address) AS address, name, '' AS host,
    CASE WHEN login <> '' THEN 'basic' ELSE 'anonymous' END AS authentication, '' AS mechanism,
    CASE WHEN tls = 'none' THEN 'none' ELSE tls_of(tls) END AS tls, '' AS agent,
    CASE WHEN state IN ('failed', 'expired') THEN reply ELSE '' END AS error, split_part(via, '/', 1) AS via,
    key_of('gateway' || id) AS message, trim(message_id, '<>') AS message_id, subject, domain_of(recipient) AS domain,
    1::INTEGER AS recipients, TRY_CAST(size AS BIGINT) AS size
FROM source
