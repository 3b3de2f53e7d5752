-- name: stage
SELECT record, CASE WHEN switch_of(disabled) IS NULL THEN 'bad-switch' END AS skip,
    key_of(concat_ws(chr(31), 'transport', lower(disabled), lower(legacy))) AS key, NULL::TIMESTAMP AS instant,
    switch_of(disabled) AS disabled, switch_of(legacy) AS legacy_tls
FROM source
