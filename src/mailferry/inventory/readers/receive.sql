-- name: stage
-- Lines to sessions, sessions to transactions, transactions to recipients. "+" connect, "-" disconnect, ">" sent by
-- Exchange, "<" by the client, "*" information. A session is one file's: what stands in the next must not change it.
WITH line AS (
    SELECT file, record, moment(happened) AS instant, file || ':' || session AS session, coalesce(TRY_CAST(number AS INTEGER), 0) AS n, ip_of(remote) AS ip, event,
        trim(data) AS data, context, connector,
        event = '<' AND regexp_matches(data, '(?i)^\s*mail from:') AS opens
    FROM source
), numbered AS (
    SELECT *, sum(opens::INTEGER) OVER (PARTITION BY session ORDER BY n, instant) AS tx FROM line
), whole AS (
    SELECT session, min(file) AS file, min(record) AS record, min(instant) AS instant, max(ip) AS ip, max(connector) AS connector,
        coalesce(max_by(regexp_extract(data, '(?i)^(?:ehlo|helo)\s+(\S+)', 1), n) FILTER (event = '<' AND regexp_matches(data, '(?i)^(ehlo|helo)\s')), '') AS ehlo,
        coalesce(max(upper(regexp_extract(data, '(?i)^auth\s+(\S+)', 1))) FILTER (event = '<' AND regexp_matches(data, '(?i)^auth\s')), '') AS mechanism,
        coalesce(max(lower(data)) FILTER (event = '*' AND lower(context) LIKE 'authenticated%'), '') AS account,
        coalesce(nullif(max(tls_of(context || ' ' || data)) FILTER (event = '*' AND regexp_matches(context || data, '(?i)tls protocol|tls1|tlsv1|sp_prot')), ''),
            CASE WHEN bool_or(event = '<' AND upper(data) = 'STARTTLS') THEN '' ELSE 'none' END) AS tls,
        max(data) FILTER (event = '>' AND regexp_matches(data, '^53[0-9] ')) AS denied,
        max(tx) AS transactions
    FROM numbered GROUP BY session
), deal AS (
    SELECT session, tx, min(instant) AS instant,
        max(lower(regexp_extract(data, '(?i)^mail from:\s*<?([^>\s]*)', 1))) FILTER (opens) AS sender,
        max(TRY_CAST(regexp_extract(data, '(?i)\ssize=(\d+)', 1) AS BIGINT)) FILTER (opens) AS size,
        max(regexp_extract(data, '<([^>]+)>', 1)) FILTER (event = '>' AND data LIKE '250 2.6.0%') AS message_id,
        bool_or(event = '>' AND data LIKE '250 2.6.0%') AS taken,
        max(data) FILTER (event = '>' AND regexp_matches(data, '^[45]\d\d ')) AS refused
    FROM numbered WHERE tx > 0 GROUP BY session, tx
), receipt AS (
    SELECT session, tx, n, lower(regexp_extract(data, '(?i)^rcpt to:\s*<?([^>\s]*)', 1)) AS recipient
    FROM numbered WHERE tx > 0 AND event = '<' AND regexp_matches(data, '(?i)^\s*rcpt to:')
), unit AS (
    SELECT session, tx, n, recipient, NULL AS error FROM receipt JOIN deal USING (session, tx) WHERE taken
    UNION ALL
    SELECT session, tx, 0, NULL, refused FROM deal WHERE NOT taken AND refused IS NOT NULL
    UNION ALL
    SELECT session, 0, 0, NULL, coalesce(denied, '') FROM whole WHERE NOT EXISTS (
        SELECT 1 FROM deal WHERE deal.session = whole.session AND (taken OR refused IS NOT NULL))
)
SELECT w.file, w.record, CASE WHEN coalesce(d.instant, w.instant) IS NULL THEN 'bad-time' WHEN u.error = '' THEN 'no-mail' END AS skip,
    key_of(concat_ws(chr(31), 'receive', substr(u.session, strpos(u.session, ':') + 1), u.tx, u.n)) AS key, coalesce(d.instant, w.instant) AS instant, w.account,
    coalesce(d.sender, '') AS sender, coalesce(w.ip, '') AS address, w.ehlo AS name, '' AS host,
    CASE WHEN w.account <> '' THEN 'basic' ELSE 'anonymous' END AS authentication, w.mechanism, w.tls, '' AS agent,
    coalesce(u.error, '') AS error, coalesce(w.connector, '') AS via,
    CASE WHEN u.recipient IS NOT NULL THEN key_of(concat_ws(chr(31), 'receive', substr(u.session, strpos(u.session, ':') + 1), u.tx)) END AS message,
    coalesce(d.message_id, '') AS message_id, '' AS subject, domain_of(u.recipient) AS domain,
    CASE WHEN u.recipient IS NOT NULL THEN 1::INTEGER END AS recipients, d.size
FROM unit AS u JOIN whole AS w USING (session) LEFT JOIN deal AS d ON d.session = u.session AND d.tx = u.tx
