-- name: pack
-- What a row has of its own: an id, where it is none what stands for one, and when.
SELECT file, record, TRY_CAST(id AS UUID) AS key, CASE WHEN TRY_CAST(id AS UUID) IS NULL THEN concat_ws(chr(31), id, happened) END AS own,
    moment(happened) AS instant, said
FROM source

-- name: stage
-- clientAppUsed "Authenticated SMTP", in older texts "SMTP" (V Graph docs; O CIPP). "BAV2ROPC" in the user agent (UNV) and
-- "ropc" as the protocol say that a password was checked; a token that came in says OAuth; a legacy client app alone
-- implies a password. `print` tells rows without an id apart.
WITH seen AS (
    SELECT *, lower(client) AS app,
        contains(agent, 'BAV2ROPC') OR lower(protocol) = 'ropc' AS password,
        lower(bearer) NOT IN ('', 'none', 'なし') OR lower(credential) NOT IN ('', 'none', 'なし')
            OR lower(protocol) IN ('oauth2', 'oauth 2.0', 'devicecode', 'device code', 'openidconnect') AS tokened
    FROM source
), judged AS (
    SELECT *, CASE
        WHEN app IN ('authenticated smtp', 'smtp', '認証済み smtp', '認証された smtp')
            THEN CASE WHEN NOT contains(account, '@') THEN 'no-user' END
        WHEN app IN ('other clients', 'other clients; smtp', 'その他のクライアント') THEN 'other-clients'
        WHEN app = '' AND principal <> '' THEN 'application'
        ELSE 'not-smtp' END AS skip
    FROM seen
)
SELECT said, skip, concat_ws(chr(31), account, address, client, agent, code, reason) AS print,
    CASE WHEN skip IS NULL THEN lower(account) ELSE '' END AS account,
    CASE WHEN skip IS NULL THEN ip_of(address) ELSE '' END AS address,
    CASE WHEN skip IS NOT NULL THEN '' WHEN password THEN 'basic' WHEN tokened THEN 'oauth' ELSE 'implied' END AS authentication,
    CASE WHEN skip IS NULL THEN agent ELSE '' END AS agent,
    CASE WHEN skip IS NOT NULL THEN ''
        WHEN lower(code) NOT IN ('', '0', 'none', 'なし') THEN trim(code || ' ' || CASE WHEN lower(reason) = 'other.' THEN '' ELSE reason END)
        WHEN code = '' AND lower(status) IN ('failure', 'interrupted', '失敗', '中断') THEN coalesce(nullif(reason, ''), status)
        ELSE '' END AS error
FROM judged
