-- First the file's own facts, in the scratch database: what the reader's SQL left in `staged`, with `skip` set on rows
-- that are not taken. Then, in the inventory's one transaction, those facts joined to what is known.

-- name: judged
-- What the rows of a packed file say, once each. A text that has the separator in a value falls apart wrongly.
CREATE TABLE judged AS WITH source AS ({parts})
SELECT * REPLACE (CASE WHEN len(string_split(said, chr(31))) <> {width} THEN 'damaged' ELSE skip END AS skip) FROM ({stage});

-- name: unpacked
-- Each row with the verdict on what it says.
CREATE TABLE staged AS
SELECT p.file, coalesce(j.skip, CASE WHEN p.instant IS NULL THEN 'bad-time' END) AS skip,
    coalesce(p.key, key_of(concat_ws(chr(31), p.own, j.print))) AS key, p.instant, j.place
FROM packed AS p JOIN (SELECT said, skip, print, place FROM judged LEFT JOIN place USING ({given})) AS j USING (said);

-- name: unpacked-skips
SELECT p.file, p.record, coalesce(j.skip, CASE WHEN p.instant IS NULL THEN 'bad-time' END) AS skip
FROM ({pack}) AS p JOIN judged AS j USING (said)

-- name: number-twins
-- Records without an id of their own: equal ones of a file are told apart by their number, so that two exports that
-- overlap still find each other's.
CREATE OR REPLACE TABLE staged AS SELECT * REPLACE (
    CASE WHEN skip IS NULL THEN key_of(key::VARCHAR || row_number() OVER (PARTITION BY file, key)) END AS key) FROM staged;

-- name: tally
SELECT file, skip, count(*), min(instant), max(instant), coalesce(bit_xor(key::UHUGEINT), 0)::VARCHAR
FROM staged GROUP BY file, skip ORDER BY file, skip;

-- name: rejects
-- What the parser refused: a row once, however much is wrong with it, and no comment line of a log.
SELECT file, error, count(*), min(place), max(breaks) FROM (
    SELECT file, line, min(byte_position + (error_type::VARCHAR LIKE 'LINE SIZE%')::INTEGER) AS place, max(length(trim(coalesce(csv_line, ''), chr(10) || chr(13)))
        - length(replace(trim(coalesce(csv_line, ''), chr(10) || chr(13)), chr(10), ''))) AS breaks, min(error_type::VARCHAR) AS error
    FROM rejects JOIN (
        SELECT scan_id, file_id, CAST(regexp_extract(file_path, '(\d+)$', 1) AS INTEGER) AS file FROM rejects_scan
    ) USING (scan_id, file_id)
    WHERE coalesce(ltrim(csv_line, chr(10) || chr(13)), '') NOT LIKE '#%' GROUP BY file, line
) GROUP BY file, error ORDER BY file, error;

-- name: refused
SELECT CAST(regexp_extract(file_path, '(\d+)$', 1) AS INTEGER), min(byte_position)
FROM rejects JOIN rejects_scan USING (scan_id, file_id) GROUP BY file_path, line LIMIT 10000;

-- name: columns
SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND database_name = current_database();

-- name: whole
-- A reader leaves out what its export never has: columns that are the same in every row cost time and room in each.
-- {absent} are those, {given} are the ones that tell combinations apart.
CREATE OR REPLACE TEMP VIEW whole AS SELECT *{absent} FROM {relation} WHERE skip IS NULL;

-- name: places
-- The combinations of these files, numbered by weight.
CREATE TABLE place AS
SELECT row_number() OVER (ORDER BY weight)::INTEGER AS place, * FROM (
    SELECT *, printf('%02d', len(list_filter([account, sender, address, name, host, authentication, mechanism, tls, agent,
        error, via], lambda x: x <> ''))) || chr(31) || concat_ws(chr(31), authentication, agent, name, host, account, sender,
        address, mechanism, tls, error, via) AS weight
    FROM (SELECT DISTINCT account, sender, address, name, host, authentication, mechanism, tls, agent, error, via FROM whole)
);

-- name: arrivals
-- One row an event, the fullest of its records.
CREATE TABLE arrived AS
SELECT s.key, min(s.file) AS file, min(s.instant) AS instant, max(p.place) AS place, min(s.message) AS message, min(s.domain) AS domain,
    max(s.recipients) AS recipients, max(s.size) AS size
FROM whole AS s JOIN place AS p USING ({given})
GROUP BY s.key;

-- name: arrivals-unpacked
-- The same of sign-ins, which carry no message.
CREATE TABLE arrived AS
SELECT key, min(file) AS file, min(instant) AS instant, max(place) AS place, NULL::UUID AS message, NULL::VARCHAR AS domain,
    NULL::INTEGER AS recipients, NULL::BIGINT AS size
FROM staged WHERE skip IS NULL GROUP BY key;

-- name: no-signs
CREATE TABLE sign (place INTEGER, message_id VARCHAR, subject VARCHAR);

-- name: signs
CREATE TABLE sign AS
SELECT place, pair.message_id AS message_id, pair.subject AS subject FROM (
    SELECT p.place, max({'message_id': s.message_id, 'subject': s.subject}) AS pair
    FROM whole AS s JOIN place AS p USING ({given})
    WHERE s.message_id <> '' OR s.subject <> ''
    GROUP BY p.place, shape_of(s.message_id, s.subject)
) QUALIFY row_number() OVER (PARTITION BY place ORDER BY shape_of(pair.message_id, pair.subject)) <= 12;

-- name: new-dims
INSERT INTO dims
SELECT nextval('dims_ids'), $kind, account, sender, address, name, host, authentication, mechanism, tls, agent, error, via,
    weight
FROM (SELECT * FROM place ANTI JOIN (SELECT weight FROM dims WHERE kind = $kind) USING (weight) ORDER BY place);

-- name: known
CREATE OR REPLACE TEMP TABLE known AS
SELECT p.place, d.id, d.weight FROM place AS p JOIN dims AS d ON d.weight = p.weight AND d.kind = $kind;

-- name: fresh
SELECT file, count(*) FROM arrived ANTI JOIN observation USING (key) GROUP BY file;

-- name: fuller
-- Events known already, from a record that said less.
UPDATE observation SET dims = better.id
FROM (
    SELECT a.key, k.id
    FROM arrived AS a
    JOIN known AS k USING (place)
    JOIN observation AS o USING (key)
    JOIN dims AS old ON old.id = o.dims
    WHERE o.dims <> k.id AND k.weight > old.weight
) AS better
WHERE observation.key = better.key;

-- name: new-events
INSERT INTO observation
SELECT a.key, a.instant, k.id, a.message, a.domain, a.recipients, a.size
FROM arrived AS a JOIN known AS k USING (place)
ANTI JOIN observation USING (key);

-- name: traits
-- One message of each shape, and of the first dozen shapes: what passes on the mail of others shows several. A shape that
-- is among the first of all was so from the start, so the order of imports leaves no trace.
CREATE OR REPLACE TABLE trait AS
SELECT dims, pair.message_id AS message_id, pair.subject AS subject FROM (
    SELECT dims, max({'message_id': message_id, 'subject': subject}) AS pair FROM (
        SELECT * FROM trait
        UNION ALL
        SELECT k.id, s.message_id, s.subject FROM sign AS s JOIN known AS k USING (place)
    ) GROUP BY dims, shape_of(message_id, subject)
) QUALIFY row_number() OVER (PARTITION BY dims ORDER BY shape_of(pair.message_id, pair.subject)) <= 12;

-- name: reports
INSERT INTO report SELECT sender, authentication, tls10, tls11, tls12, messages FROM staged WHERE skip IS NULL
EXCEPT SELECT * FROM report;

-- name: mailboxes
INSERT INTO mailbox SELECT address, alias, told, disabled, policy, $as_of FROM staged WHERE skip IS NULL
EXCEPT SELECT * FROM mailbox;

-- name: tenants
INSERT INTO tenant SELECT disabled, legacy_tls, $as_of FROM staged WHERE skip IS NULL EXCEPT SELECT * FROM tenant;

-- name: organizations
INSERT INTO organization SELECT default_policy, reject_direct_send, $as_of FROM staged WHERE skip IS NULL
EXCEPT SELECT * FROM organization;

-- name: policies
INSERT INTO policy SELECT name, basic_smtp, $as_of FROM staged WHERE skip IS NULL EXCEPT SELECT * FROM policy;

-- name: owners
INSERT INTO owner SELECT address, owner, site, $as_of FROM staged WHERE skip IS NULL EXCEPT SELECT * FROM owner;

-- name: new-source
INSERT INTO imported
SELECT nextval('source_ids'), $kind, $name, $rows, $taken, $fresh, $digest, $first, $last, $now, $note
WHERE NOT EXISTS (SELECT 1 FROM imported WHERE kind = $kind AND rows = $rows AND digest = $digest)
RETURNING id;

-- name: new-skip
INSERT INTO skipped VALUES ($source, $reason, $count, $line);
