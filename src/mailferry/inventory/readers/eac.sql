-- name: stage
-- "Basic auth" or "Basic Authentication", "OAuth" or "Modern Authentication" (exact value UNV).
SELECT record,
    CASE WHEN address_of(sender) = '' THEN 'no-sender' WHEN number_of(messages) IS NULL OR number_of(messages) < 0 THEN 'bad-count' END AS skip,
    key_of(concat_ws(chr(31), address_of(sender), protocol, tls10, tls11, tls12, messages)) AS key, NULL::TIMESTAMP AS instant,
    address_of(sender) AS sender,
    CASE WHEN regexp_matches(protocol, '(?i)basic|基本|ベーシック') THEN 'basic'
        WHEN regexp_matches(protocol, '(?i)oauth|modern|先進|最新') THEN 'oauth' ELSE '' END AS authentication,
    percent_of(tls10) AS tls10, percent_of(tls11) AS tls11, percent_of(tls12) AS tls12, number_of(messages) AS messages
FROM source
