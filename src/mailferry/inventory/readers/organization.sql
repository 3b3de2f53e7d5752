-- name: stage
SELECT record, NULL::VARCHAR AS skip, key_of(concat_ws(chr(31), 'organization', policy, lower(direct))) AS key, NULL::TIMESTAMP AS instant,
    regexp_extract(policy, '([^/\\]*)$', 1) AS default_policy, switch_of(direct) AS reject_direct_send
FROM source
