-- name: stage
SELECT record, CASE WHEN address = '' OR NOT regexp_matches(address, '@|^[0-9a-fA-F.:]+$') THEN 'no-address' WHEN owner = '' AND site = '' THEN 'no-owner' END AS skip,
    key_of(concat_ws(chr(31), 'owners', lower(address), owner, site)) AS key, NULL::TIMESTAMP AS instant,
    lower(trim(address)) AS address, owner, site
FROM source
