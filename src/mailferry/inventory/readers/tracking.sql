-- name: stage
WITH judged AS (
    SELECT *, moment(happened) AS instant, ip_of(coalesce(nullif(original, ''), client)) AS ip, CASE
        WHEN upper(event) <> 'RECEIVE' OR upper(source_name) <> 'SMTP' THEN 'other-event'
        WHEN moment(happened) IS NULL THEN 'bad-time'
        WHEN coalesce(nullif(original, ''), client) = '' THEN 'no-address' END AS skip
    FROM source
), spread AS (
    SELECT *, unnest(CASE WHEN skip IS NULL THEN regexp_split_to_array(trim(recipients, ' {}'), '[;,]\s*') ELSE [''] END) AS one
    FROM judged
)
SELECT file, record, skip, key_of(concat_ws(chr(31), 'tracking', coalesce(nullif(network, ''), message_id), internal, happened, lower(one))) AS key,
    instant, '' AS account, address_of(sender) AS sender, ip AS address, '' AS name,
    CASE WHEN original IN ('', client) THEN host ELSE '' END AS host, 'anonymous' AS authentication, '' AS mechanism, '' AS tls,
    '' AS agent, '' AS error, connector AS via,
    key_of(concat_ws(chr(31), 'tracking', coalesce(nullif(network, ''), message_id), internal)) AS message, message_id, subject,
    domain_of(one) AS domain, 1::INTEGER AS recipients, octets_of(size) AS size
FROM spread
