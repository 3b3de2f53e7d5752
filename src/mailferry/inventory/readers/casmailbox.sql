-- name: stage
SELECT record,
    CASE WHEN address_of(address) = '' THEN 'no-address'
        WHEN switch_of(disabled) IS NULL AND lower(disabled) NOT IN ('', 'null', '$null') THEN 'bad-switch' END AS skip,
    key_of(concat_ws(chr(31), 'casmailbox', lower(address), lower(alias), lower(disabled), policy)) AS key, NULL::TIMESTAMP AS instant,
    address_of(address) AS address,
    CASE WHEN lower(alias) = lower(address) THEN '' ELSE address_of(alias) END AS alias,
    getvariable('has_switch') AS told,
    switch_of(disabled) AS disabled, regexp_extract(policy, '([^/\\]*)$', 1) AS policy
FROM source
