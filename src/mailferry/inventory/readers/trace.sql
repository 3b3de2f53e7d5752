-- name: stage
-- A row is one recipient of one message. The extended CSV has a row an event; RECEIVE is the first.
WITH spread AS (
    SELECT *, unnest(CASE
        WHEN recipient <> '' THEN string_split(recipient, ';')
        WHEN statuses <> '' THEN list_transform(string_split(statuses, ';'), lambda part: split_part(part, '##', 1))
        ELSE [''] END) AS one
    FROM source
), judged AS (
    SELECT *, moment(happened) AS instant, address_of(one) AS receiver, address_of(sender) AS envelope, CASE WHEN lower(origin) = 'storedriver' THEN '' ELSE ip_of(address) END AS ip,
        address = '' OR lower(direction) IN ('2', 'originating', 'outbound') AS submitted,
        CASE WHEN event NOT IN ('', 'RECEIVE', 'Receive') THEN 'other-event'
            WHEN moment(happened) IS NULL THEN 'bad-time' WHEN address_of(sender) = '' THEN 'no-sender' END AS skip
    FROM spread
)
SELECT file, record, skip, key_of(concat_ws(chr(31), 'trace', coalesce(nullif(id, ''), message_id), receiver)) AS key, instant,
    CASE WHEN submitted THEN envelope ELSE '' END AS account, envelope AS sender, ip AS address, '' AS name, host,
    CASE WHEN submitted THEN '' ELSE 'anonymous' END AS authentication, '' AS mechanism, '' AS tls, '' AS agent,
    CASE WHEN lower(status) IN ('failed', 'filteredasspam', 'quarantined', '失敗') THEN status ELSE '' END AS error,
    connector AS via, key_of('trace' || coalesce(nullif(id, ''), message_id)) AS message, message_id, subject,
    domain_of(receiver) AS domain, 1::INTEGER AS recipients, octets_of(size) AS size
FROM judged
