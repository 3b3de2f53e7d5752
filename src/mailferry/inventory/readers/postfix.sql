-- name: stage
WITH line AS (
    SELECT record AS n,
        regexp_extract(line, '^([A-Z][a-z]{2} +\d+ [\d:]{8}|\d{4}-\d\d-\d\dT\S+) (\S+) (\S*)\[(\d+)\]: (.*)$',
            ['stamp', 'server', 'program', 'pid', 'rest']) AS p
    FROM source
), dated AS (
    SELECT n, p.server AS server, split_part(p.program, '/', -1) AS program, p.pid AS pid, p.rest AS rest,
        p.stamp <> '' AND contains(p.program, 'postfix') AS ours,
        CASE WHEN regexp_matches(p.stamp, '^\d') THEN moment(p.stamp)
        -- No year in the stamp: the latest that does not lie ahead.
        WHEN coalesce(try_strptime(getvariable('year') || ' ' || p.stamp, '%Y %b %d %H:%M:%S'), TIMESTAMP '9999-01-01') <= getvariable('now')::TIMESTAMP + INTERVAL 1 DAY
            THEN try_strptime(getvariable('year') || ' ' || p.stamp, '%Y %b %d %H:%M:%S')
        ELSE try_strptime((getvariable('year') - 1) || ' ' || p.stamp, '%Y %b %d %H:%M:%S') END AS instant
    FROM line
), parsed AS (
    SELECT n, instant, server, program, pid, rest, ours,
        coalesce(nullif(regexp_extract(rest, '^([0-9A-Za-z]{6,}): ', 1), 'NOQUEUE'), '') AS qid,
        regexp_extract(rest, ': client=([^\[,]*)\[([^\]]*)\](?:.*, sasl_method=([^,\s]*), sasl_username=([^,\s]*))?',
            ['host', 'ip', 'mechanism', 'account']) AS c,
        program = 'smtpd' AND regexp_matches(rest, '^[0-9A-Za-z]+: client=') OR program = 'pickup' AS starts,
        CASE WHEN program <> 'smtpd' THEN NULL WHEN prefix(rest, 'connect from ') THEN 'none'
            WHEN contains(rest, 'TLS connection established from ') THEN nullif(tls_of(rest), '') END AS tls_line
    FROM dated
), numbered AS (
    SELECT *, sum((starts AND qid <> '')::INTEGER) OVER (PARTITION BY server, qid ORDER BY n) AS life,
        last_value(tls_line IGNORE NULLS) OVER (PARTITION BY server, pid ORDER BY n ROWS UNBOUNDED PRECEDING) AS tls
    FROM parsed WHERE ours
), mail AS (
    SELECT server, qid, life, min(instant) FILTER (starts) AS began,
        max(CASE WHEN program = 'pickup' THEN '127.0.0.1' ELSE c.ip END) FILTER (starts) AS ip,
        max(CASE WHEN program = 'pickup' THEN server WHEN c.host = 'unknown' THEN '' ELSE c.host END) FILTER (starts) AS host,
        max(c.mechanism) FILTER (starts) AS mechanism, max(lower(c.account)) FILTER (starts) AS account,
        max(CASE WHEN program = 'pickup' THEN 'none' ELSE tls END) FILTER (starts) AS tls,
        max(regexp_extract(rest, 'from=<([^>]*)>, size=', 1)) FILTER (program = 'qmgr') AS sender,
        max(TRY_CAST(regexp_extract(rest, 'from=<[^>]*>, size=(\d+)', 1) AS BIGINT)) FILTER (program = 'qmgr') AS size,
        max(regexp_extract(rest, 'message-id=<?([^>\s]*)', 1)) FILTER (program = 'cleanup') AS message_id
    FROM numbered WHERE qid <> '' GROUP BY server, qid, life
), delivery AS (
    SELECT server, qid, life, n, instant,
        regexp_extract(rest, ': to=<([^>]*)>.*?(?:, relay=([^,\[\s]*)[^,]*)?,.* status=([a-z]+) \((.*)\)', ['to', 'relay', 'status', 'text']) AS d
    FROM numbered WHERE qid <> '' AND contains(rest, ' status=') AND contains(rest, ': to=<')
), final AS (
    SELECT *, row_number() OVER (PARTITION BY server, qid, life, d.to ORDER BY n DESC) AS place FROM delivery
), turned_away AS (
    SELECT n, instant, server, tls,
        regexp_extract(rest, 'reject: [A-Z]+ from ([^\[]*)\[([^\]]*)\]: (.*?); from=<([^>]*)>.*?(?:helo=<([^>]*)>)?$', ['host', 'ip', 'text', 'sender', 'helo']) AS r,
        regexp_extract(rest, '^warning: ([^\[]*)\[([^\]]*)\]: SASL (\S+) authentication failed:? ?(.*)$', ['host', 'ip', 'mechanism', 'text']) AS f
    FROM numbered WHERE program = 'smtpd' AND (contains(rest, 'reject: ') OR contains(rest, ' authentication failed'))
)
SELECT f.n AS record, CASE WHEN m.ip IS NULL THEN 'no-client' WHEN m.began IS NULL THEN 'bad-time'
        WHEN f.d.status = 'deferred' OR f.place > 1 THEN 'deferred' END AS skip,
    key_of(concat_ws(chr(31), 'postfix', f.server, f.qid, m.began, f.d.to)) AS key, m.began AS instant, coalesce(m.account, '') AS account,
    lower(coalesce(m.sender, '')) AS sender, ip_of(coalesce(m.ip, '')) AS address, '' AS name, coalesce(m.host, '') AS host,
    CASE WHEN coalesce(m.account, '') <> '' THEN 'basic' ELSE 'anonymous' END AS authentication, coalesce(m.mechanism, '') AS mechanism,
    coalesce(m.tls, '') AS tls, '' AS agent, CASE WHEN f.d.status = 'sent' THEN '' ELSE f.d.text END AS error,
    lower(coalesce(f.d.relay, '')) AS via, key_of(concat_ws(chr(31), 'postfix', f.server, f.qid, m.began)) AS message,
    coalesce(m.message_id, '') AS message_id, '' AS subject, domain_of(f.d.to) AS domain, 1::INTEGER AS recipients, m.size
FROM final AS f JOIN mail AS m USING (server, qid, life)
UNION ALL
SELECT n, CASE WHEN instant IS NULL THEN 'bad-time' END, key_of(concat_ws(chr(31), 'postfix', server, instant, r.ip, f.ip, r.text, f.text)), instant, '',
    lower(r.sender), ip_of(coalesce(nullif(r.ip, ''), f.ip)), r.helo, CASE WHEN r.host || f.host = 'unknown' THEN '' ELSE r.host || f.host END,
    'anonymous', f.mechanism, coalesce(tls, ''), '', coalesce(nullif(r.text, ''), 'SASL authentication failed: ' || f.text), '', NULL, '', '', NULL, NULL, NULL
FROM turned_away WHERE r.ip <> '' OR f.ip <> ''
UNION ALL
SELECT n, 'other-line', NULL, NULL, '', '', '', '', '', '', '', '', '', '', '', NULL, '', '', NULL, NULL, NULL FROM dated
WHERE NOT ours
