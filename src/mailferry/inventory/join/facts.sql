-- What the exports together say of each client. Pure reading: everything here is a temporary table.

-- name: domains
SELECT DISTINCT domain FROM (
    SELECT domain_of(address) AS domain FROM mailbox
    UNION ALL SELECT domain_of(sender) FROM report
    UNION ALL SELECT domain_of(account) FROM dims WHERE kind LIKE 'signin%'
) WHERE domain <> '' ORDER BY domain;

-- name: own
CREATE OR REPLACE TEMP TABLE own AS SELECT unnest($domains::VARCHAR[]) AS domain;

-- name: colons
SELECT DISTINCT address FROM dims WHERE contains(address, ':');

-- name: networks
-- The network of an IPv6 address: its host part changes by the day (RFC 8981).
CREATE OR REPLACE TEMP TABLE network AS SELECT unnest($addresses::VARCHAR[]) AS address, unnest($networks::VARCHAR[]) AS spot;

-- name: fact
-- Sign-ins without ids count only where no export with ids has the same second.
CREATE OR REPLACE TEMP TABLE fact AS
SELECT dims, count(*) AS n, min(instant) AS first, max(instant) AS last
FROM observation WHERE dims NOT IN (SELECT id FROM dims WHERE kind LIKE '%-unnumbered')
GROUP BY dims
UNION ALL
SELECT dims, count(*), min(instant), max(instant) FROM (
    SELECT o.dims, o.instant FROM observation AS o JOIN dims AS d ON d.id = o.dims
    WHERE d.kind LIKE '%-unnumbered' AND NOT EXISTS (
        SELECT 1 FROM observation AS p JOIN dims AS e ON e.id = p.dims
        WHERE e.kind || '-unnumbered' = d.kind AND e.account = d.account AND e.address = d.address AND p.instant = o.instant)
) GROUP BY dims;

-- name: sighting
-- `cloud`: as Microsoft saw it, so that the address is a public one; else as a relay or the gateway saw it.
CREATE OR REPLACE TEMP TABLE sighting AS
SELECT d.* EXCLUDE (kind, weight), replace(d.kind, '-unnumbered', '') AS kind, f.n, f.first, f.last, coalesce(w.spot, d.address) AS spot,
    d.kind LIKE 'signin%' OR d.kind = 'trace' AND d.account <> '' AS cloud
FROM dims AS d JOIN fact AS f ON f.dims = d.id LEFT JOIN network AS w ON w.address = d.address;

-- name: shared-lines
-- Pairs of public addresses by which the same mailboxes sign in. Whoever roams says nothing of sites.
WITH seen AS (
    SELECT DISTINCT account, spot FROM sighting WHERE cloud AND error = '' AND spot <> ''
), settled AS (
    SELECT * FROM seen WHERE account IN (SELECT account FROM seen GROUP BY account HAVING count(*) <= 8)
), size AS (
    SELECT spot, count(*) AS accounts FROM seen GROUP BY spot
)
SELECT a.spot, b.spot FROM settled AS a JOIN settled AS b ON a.account = b.account AND a.spot < b.spot
JOIN size AS s ON s.spot = a.spot JOIN size AS t ON t.spot = b.spot
GROUP BY a.spot, b.spot, s.accounts, t.accounts
HAVING count(*) >= 2 AND count(*) * 2 >= least(s.accounts, t.accounts)
ORDER BY a.spot, b.spot;

-- name: lines
-- A site with several lines is one place: a device behind them comes now by the one and now by the other.
UPDATE sighting SET spot = l.place FROM (SELECT unnest($spots::VARCHAR[]) AS spot, unnest($places::VARCHAR[]) AS place) AS l
WHERE sighting.cloud AND sighting.spot = l.spot;

-- name: member
-- Which sightings are a client's, and whose. Guessed passwords are not a client: an address with refused sign-ins only
-- counts where somebody signs in from there, and the account only where something knows that it sends. Outlook sends by
-- mailboxes too, and a stranger's mail comes in by the same doors: neither is a client of ours.
CREATE OR REPLACE TEMP TABLE member AS
WITH place AS (
    SELECT DISTINCT spot FROM sighting WHERE cloud AND kind = 'signin' AND error = ''
), sender AS (
    SELECT sender AS account FROM report
    UNION SELECT account FROM sighting WHERE account <> '' AND error = '' AND kind <> 'trace'
), anonymous AS (
    SELECT spot FROM sighting WHERE account = '' AND error = ''
        AND (domain_of(sender) IN (FROM own) OR NOT EXISTS (FROM own)) GROUP BY spot
), kept AS (
    SELECT * FROM sighting AS s WHERE account <> '' AND spot <> '' AND CASE
        WHEN kind = 'trace' THEN account IN (FROM sender)
        WHEN kind <> 'signin' OR error = '' THEN true
        ELSE EXISTS (SELECT 1 FROM sighting AS o WHERE o.account = s.account AND o.spot = s.spot AND o.cloud AND o.error = '')
            OR spot IN (FROM place) AND (account IN (FROM sender) OR NOT EXISTS (FROM report)) END
    UNION ALL
    SELECT * FROM sighting WHERE account = '' AND spot <> '' AND spot IN (FROM anonymous)
        AND (error <> '' OR domain_of(sender) IN (FROM own) OR NOT EXISTS (FROM own))
), spread AS (
    SELECT account, count(DISTINCT spot) FILTER (cloud) AS cloud_spots, count(DISTINCT spot) FILTER (NOT cloud) AS local_spots,
        count(DISTINCT spot) AS spots
    FROM kept WHERE account <> '' GROUP BY account
)
-- One device behind one public address is one client, though Microsoft and the gateway see it by different addresses.
SELECT k.*, k.account || chr(31) || CASE
    WHEN k.account <> '' AND (s.spots = 1 OR s.cloud_spots = 1 AND s.local_spots = 1) THEN ''
    -- Direct Send from behind a public address: only what they write as sender tells such devices apart.
    WHEN k.kind = 'trace' AND k.account = '' THEN k.spot || chr(31) || k.sender
    ELSE k.spot END AS client
FROM kept AS k LEFT JOIN spread AS s ON s.account = k.account AND k.account <> '';

-- name: evidence
SELECT client, any_value(account) AS account,
    list_sort(list(DISTINCT address) FILTER (cloud)) AS public, list_sort(list(DISTINCT address) FILTER (NOT cloud)) AS lan,
    list_sort(list(DISTINCT name) FILTER (name <> '')) AS names, list_sort(list(DISTINCT host) FILTER (host <> '')) AS hosts,
    list_sort(list(DISTINCT tls) FILTER (tls <> '')) AS tls,
    list_sort(list(DISTINCT authentication) FILTER (cloud AND authentication <> '' AND (error = '' OR kind = 'signin'))) AS auths,
    list_sort(list(DISTINCT authentication) FILTER (NOT cloud AND error = '')) AS local_auths,
    list_sort(list(DISTINCT kind)) AS kinds, list_sort(list(DISTINCT via) FILTER (kind = 'postfix' AND via <> '')) AS relays,
    list_sort(list(DISTINCT sender) FILTER (sender <> '' AND error = ''))[:20] AS senders,
    min(first) AS first, max(last) AS last,
    coalesce(sum(n) FILTER (error <> ''), 0)::BIGINT AS failures,
    list_sort(list(DISTINCT error) FILTER (error <> ''))[:20] AS errors,
    coalesce(sum(n) FILTER (kind = 'signin' AND error = ''), 0)::BIGINT AS signed_in,
    max(last) FILTER (kind = 'signin' AND error = '') AS last_in,
    max(last) FILTER (kind = 'signin' AND error <> '') AS last_out,
    max(last) FILTER (kind = 'signin' AND error = '' AND authentication <> 'oauth') AS last_basic,
    min(first) FILTER (kind = 'gateway') AS first_gateway, max(last) FILTER (kind = 'gateway') AS last_gateway
FROM member GROUP BY client ORDER BY client;

-- name: refusals
-- Sign-ins refused since the last that went well.
SELECT m.client, count(*) FROM member AS m JOIN observation AS o ON o.dims = m.id
LEFT JOIN (SELECT client, max(last) AS last_in FROM member WHERE kind = 'signin' AND error = '' GROUP BY client) AS w USING (client)
WHERE m.kind = 'signin' AND m.error <> '' AND (w.last_in IS NULL OR o.instant > w.last_in)
GROUP BY m.client;

-- name: signs
-- Postfix writes down the name that the DNS gives; what the client said in EHLO is in the other logs. The trace of mail
-- that a mailbox submitted has no address: it shows how its only client writes.
WITH shown AS (
    SELECT client, id, kind, name, host, CASE WHEN cloud THEN '' ELSE mechanism END AS mechanism, tls, agent FROM member
    UNION ALL
    SELECT account || chr(31), id, kind, name, host, '', tls, agent FROM sighting
    WHERE kind = 'trace' AND account <> '' AND spot = '' AND error = ''
)
SELECT DISTINCT client, kind = 'postfix' AND name = '' AND host <> '' AS named, name, host, mechanism, tls, agent,
    coalesce(message_id, ''), coalesce(subject, '')
FROM shown LEFT JOIN trait ON trait.dims = shown.id ORDER BY ALL;

-- name: message
-- One row a recipient, of every message that got through; mail of a mailbox without an address is its only client's.
CREATE OR REPLACE TEMP TABLE message AS
WITH whose AS (
    SELECT client, id FROM member WHERE error = ''
    UNION ALL
    SELECT account || chr(31), id FROM sighting AS s WHERE kind = 'trace' AND account <> '' AND spot = '' AND error = ''
        AND account IN (SELECT account FROM member UNION SELECT sender FROM report)
)
SELECT w.client, replace(d.kind, '-unnumbered', '') AS kind, o.instant, o.message, o.size, coalesce(o.recipients, 1) AS recipients,
    CASE WHEN o.domain IS NULL OR o.domain = '' OR NOT EXISTS (FROM own) THEN NULL ELSE (o.domain NOT IN (FROM own))::INTEGER END AS external
FROM observation AS o JOIN whose AS w ON w.id = o.dims JOIN dims AS d ON d.id = o.dims
WHERE o.message IS NOT NULL;

-- name: traffic
-- The same message may stand in several logs: the source that saw most of a client speaks for it.
WITH each AS (
    SELECT client, kind, message, min(instant) AS instant, sum(recipients) AS recipients, sum(external) AS external, max(size) AS size
    FROM message GROUP BY client, kind, message
), whole AS (
    SELECT client, kind, count(*) AS messages, sum(recipients)::BIGINT AS recipients, sum(external)::BIGINT AS external,
        max(recipients)::BIGINT AS most, max(size) AS size
    FROM each GROUP BY client, kind
), minutes AS (
    SELECT client, kind, max(n) AS peak FROM (SELECT client, kind, date_trunc('minute', instant), count(*) AS n FROM each GROUP BY ALL) GROUP BY ALL
), hours AS (
    SELECT client, kind, max(n) AS peak FROM (SELECT client, kind, date_trunc('hour', instant), count(*) AS n FROM each GROUP BY ALL) GROUP BY ALL
), days AS (
    SELECT client, kind, max(n) AS peak, max(r)::BIGINT AS recipients
    FROM (SELECT client, kind, date_trunc('day', instant), count(*) AS n, sum(recipients) AS r FROM each GROUP BY ALL) GROUP BY client, kind
), span AS (
    SELECT replace(d.kind, '-unnumbered', '') AS kind, epoch(max(f.last) - min(f.first)) / 86400.0 AS days FROM fact AS f JOIN dims AS d ON d.id = f.dims GROUP BY ALL
)
SELECT w.*, m.peak, h.peak, d.peak, d.recipients, s.days
FROM whole AS w JOIN minutes AS m USING (client, kind) JOIN hours AS h USING (client, kind) JOIN days AS d USING (client, kind) JOIN span AS s USING (kind)
ORDER BY w.client, w.messages, w.kind;

-- name: reports
-- The report again over more days holds what it held over fewer.
SELECT sender, authentication, max(messages), max_by(tls10, (messages, tls10)), max_by(tls11, (messages, tls11)), max_by(tls12, (messages, tls12))
FROM report GROUP BY sender, authentication ORDER BY sender, authentication;

-- name: tenant
-- Of two settings in exports of one second the stricter counts.
SELECT (SELECT max_by(disabled, (as_of, disabled)) FROM tenant), (SELECT max_by(legacy_tls, (as_of, NOT legacy_tls)) FROM tenant WHERE legacy_tls IS NOT NULL),
    coalesce((SELECT max_by(default_policy, (as_of, default_policy)) FROM organization), '');

-- name: policies
SELECT lower(name), max_by(basic_smtp, (as_of, NOT basic_smtp)) FROM policy GROUP BY lower(name);

-- name: mailboxes
-- Three states: NULL of an export that has the switch is "inherit"; without such an export nothing is known.
WITH named AS (
    SELECT address, * EXCLUDE (address) FROM mailbox UNION ALL SELECT alias, * EXCLUDE (address) FROM mailbox WHERE alias <> ''
)
SELECT address, max_by(coalesce(disabled::VARCHAR, 'inherit'), (as_of, coalesce(disabled::VARCHAR, 'inherit'))) FILTER (told),
    max_by(policy, (as_of, policy)) FILTER (policy <> '' OR NOT told)
FROM named GROUP BY address;

-- name: owners
SELECT address, string_agg(DISTINCT owner, ', ' ORDER BY owner) FILTER (owner <> ''), string_agg(DISTINCT site, ', ' ORDER BY site) FILTER (site <> '')
FROM (SELECT *, max(as_of) OVER (PARTITION BY address) AS latest FROM owner) WHERE as_of = latest GROUP BY address;
