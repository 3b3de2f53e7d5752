-- name: stage
SELECT record, CASE WHEN name = '' THEN 'no-name' WHEN switch_of(basic) IS NULL THEN 'bad-switch' END AS skip,
    key_of(concat_ws(chr(31), 'policy', name, lower(basic))) AS key, NULL::TIMESTAMP AS instant,
    regexp_extract(name, '([^/\\]*)$', 1) AS name, switch_of(basic) AS basic_smtp
FROM source
