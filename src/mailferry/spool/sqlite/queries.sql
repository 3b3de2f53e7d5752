-- Every statement that the store runs, by name. Times are microseconds since the epoch; lists are JSON arrays.

-- name: take
-- All claims of a batch: [[lane, now, most, lease, expires, last, begin], ...].
INSERT INTO take (lane, now, most, lease, expires, last, begin)
SELECT
    json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
    json_extract(value, '$[6]')
FROM json_each(:claims);

-- name: leased
-- What the claims got, in one row: stepping through many would cost the interpreter lock each time.
SELECT json_group_array(json_array(lease, id, message, number, attempts, came_from, begun))
FROM (
    SELECT * FROM recipient WHERE state = 'claimed' AND lease IN (SELECT value FROM json_each(:leases))
    ORDER BY next_attempt, message, number
);

-- name: note
INSERT INTO event (message, at, kind, recipient, lane, detail) VALUES (:message, :at, 'note', NULL, :lane, :detail);

-- name: begin
-- `begun`: [[lease, message], ...].
UPDATE recipient SET begun = 1 FROM json_each(:begun) AS given
WHERE recipient.state = 'claimed' AND recipient.lease = json_extract(given.value, '$[0]')
    AND recipient.message = json_extract(given.value, '$[1]');

-- name: interrupted
-- What those leases hold (all leases: NULL).
SELECT id, message, lane, lease, begun FROM recipient
WHERE state = 'claimed' AND (:leases IS NULL OR lease IN (SELECT value FROM json_each(:leases)));

-- name: interrupt-events
INSERT INTO event (message, at, kind, recipient, lane, detail)
SELECT message, :at, 'interrupted', id, lane, :detail FROM recipient
WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'claimed';

-- name: interrupt
UPDATE recipient SET
    state = 'unknown', next_attempt = :at, attempts = attempts + 1, came_from = NULL, lease = NULL, expires = NULL
WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'claimed';

-- name: unlease-events
INSERT INTO event (message, at, kind, recipient, lane, detail)
SELECT message, :at, came_from, id, lane, :detail FROM recipient
WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'claimed';

-- name: unlease
UPDATE recipient SET state = came_from, next_attempt = :at, came_from = NULL, lease = NULL, expires = NULL
WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'claimed';

-- name: use
INSERT INTO usage (lane, minute, messages, recipients) VALUES (:lane, :minute, :messages, :recipients)
ON CONFLICT (lane, minute) DO UPDATE
SET messages = messages + excluded.messages, recipients = recipients + excluded.recipients;

-- name: match
-- The next recipients that an action is for. Only messages that are not finished can have any. With `lost`, of those
-- that are held only the ones whose answer was lost.
SELECT recipient.id, recipient.message, recipient.lane FROM recipient JOIN message ON message.id = recipient.message
WHERE message.finished IS NULL AND recipient.id > :after
    AND recipient.state IN (SELECT value FROM json_each(:states))
    AND (:ids IS NULL OR message.id IN (SELECT value FROM json_each(:ids)))
    AND (:sender IS NULL OR message.reverse_path LIKE :sender ESCAPE '\')
    AND (:client IS NULL OR message.client LIKE :client ESCAPE '\')
    AND (:recipient IS NULL OR recipient.address LIKE :recipient ESCAPE '\')
    AND (:lane IS NULL OR recipient.lane LIKE :lane ESCAPE '\')
    AND (:older IS NULL OR message.received_at < :older)
    AND (:newer IS NULL OR message.received_at > :newer)
    AND (:due IS NULL OR recipient.next_attempt > :due)
    AND (
        :lost IS NULL OR recipient.state <> 'held'
        OR recipient.came_from = 'unknown' OR recipient.last_reply LIKE :lost ESCAPE '\'
    )
ORDER BY recipient.id LIMIT :most;

-- name: act-events
INSERT INTO event (message, at, kind, recipient, lane, detail)
SELECT message, :at, :kind, id, lane, :detail FROM recipient
WHERE id IN (SELECT value FROM json_each(:chosen)) AND state IN (SELECT value FROM json_each(:origins));

-- name: hold
UPDATE recipient SET state = 'held', next_attempt = NULL, came_from = state
WHERE id IN (SELECT value FROM json_each(:chosen)) AND state IN ('queued', 'deferred', 'unknown');

-- name: release
UPDATE recipient SET state = 'deferred', next_attempt = :at, came_from = NULL
WHERE id IN (SELECT value FROM json_each(:chosen)) AND state = 'held';

-- name: retry
UPDATE recipient SET next_attempt = :at
WHERE id IN (SELECT value FROM json_each(:chosen)) AND state IN ('queued', 'deferred', 'unknown');

-- name: decide
-- What somebody retries is no longer in doubt.
UPDATE recipient SET state = 'deferred'
WHERE id IN (SELECT value FROM json_each(:chosen)) AND state = 'unknown';

-- name: drop
UPDATE recipient SET state = 'dropped', next_attempt = NULL
WHERE id IN (SELECT value FROM json_each(:chosen)) AND state IN ('queued', 'deferred', 'unknown', 'held');

-- name: settle
UPDATE recipient SET state = 'delivered', next_attempt = NULL, came_from = NULL
WHERE id IN (SELECT value FROM json_each(:chosen)) AND state IN ('unknown', 'held');

-- name: finish
UPDATE message SET finished = :at
WHERE id IN (SELECT value FROM json_each(:messages)) AND finished IS NULL AND NOT EXISTS (
    SELECT 1 FROM recipient
    WHERE message = message.id AND state IN ('queued', 'deferred', 'unknown', 'claimed', 'held')
);

-- name: finished-files
SELECT id FROM message
WHERE id IN (SELECT value FROM json_each(:messages)) AND filed AND finished IS NOT NULL;

-- name: reroute-events
-- `changes`: [[recipient, lane, state, new lane, detail, due or null], ...].
INSERT INTO event (message, at, kind, recipient, lane, detail)
SELECT recipient.message, :at, 'note', recipient.id, json_extract(given.value, '$[3]'),
    json_extract(given.value, '$[4]')
FROM json_each(:changes) AS given JOIN recipient ON recipient.id = json_extract(given.value, '$[0]')
WHERE recipient.lane = json_extract(given.value, '$[1]') AND recipient.state = json_extract(given.value, '$[2]')
    AND recipient.state IN ('queued', 'deferred', 'unknown', 'held');

-- name: reroute
UPDATE recipient SET
    lane = json_extract(given.value, '$[3]'),
    next_attempt = CASE
        WHEN next_attempt IS NULL THEN NULL ELSE coalesce(json_extract(given.value, '$[5]'), next_attempt)
    END
FROM json_each(:changes) AS given
WHERE recipient.id = json_extract(given.value, '$[0]') AND recipient.lane = json_extract(given.value, '$[1]')
    AND recipient.state = json_extract(given.value, '$[2]')
    AND recipient.state IN ('queued', 'deferred', 'unknown', 'held');

-- name: raise-alarm
INSERT INTO alarm (key, since, text, cure) VALUES (:key, :since, :text, :cure) ON CONFLICT (key) DO NOTHING;

-- name: renew-alarm
UPDATE alarm SET text = :text, cure = :cure WHERE key = :key;

-- name: clear-alarm
DELETE FROM alarm WHERE key = :key;

-- name: alarms
SELECT key, since, text, cure FROM alarm ORDER BY since, key;

-- name: returned-event
INSERT INTO event (message, at, kind, recipient, lane, detail)
SELECT message, :at, 'returned', id, lane, :detail FROM recipient
WHERE id = :recipient AND message = :message AND NOT EXISTS (
    SELECT 1 FROM event
    WHERE message = :message AND kind = 'returned' AND recipient = :recipient AND detail = :detail
);

-- name: returned
UPDATE recipient SET last_reply = :detail WHERE id = :recipient AND message = :message;

-- name: by-header
-- A page of messages: the last one, and those with one of these Message-IDs.
SELECT max(id), json_group_array(id) FILTER (WHERE header_id IN (SELECT value FROM json_each(:headers)))
FROM (SELECT id, header_id FROM message WHERE id > :after ORDER BY id LIMIT :most);

-- name: senders
SELECT DISTINCT lane FROM usage WHERE minute >= :minute ORDER BY lane;

-- name: purgeable
SELECT json_group_array(id)
FROM (SELECT id FROM message WHERE finished IS NOT NULL AND finished < :before ORDER BY finished LIMIT :most);

-- name: purge-events
DELETE FROM event WHERE message IN (SELECT value FROM json_each(:messages));

-- name: purge-recipients
DELETE FROM recipient WHERE message IN (SELECT value FROM json_each(:messages));

-- name: purge-messages
DELETE FROM message WHERE id IN (SELECT value FROM json_each(:messages)) AND finished IS NOT NULL;

-- name: purge-usage
DELETE FROM usage WHERE minute < :minute;

-- name: lanes
SELECT lane, count(*), min(next_attempt) FROM recipient
WHERE state IN ('queued', 'deferred', 'unknown') GROUP BY lane ORDER BY lane;

-- name: used
SELECT minute, messages, recipients FROM usage WHERE lane = :lane AND minute >= :minute ORDER BY minute;

-- name: counts
-- By the unfinished messages: over the whole history it would be slower every day.
SELECT recipient.state, count(*) FROM message JOIN recipient ON recipient.message = message.id
WHERE message.finished IS NULL AND recipient.state NOT IN ('delivered', 'failed', 'expired', 'dropped')
GROUP BY recipient.state;

-- name: messages
SELECT * FROM message WHERE id IN (SELECT value FROM json_each(:messages)) ORDER BY id;

-- name: recipients
SELECT * FROM recipient WHERE message IN (SELECT value FROM json_each(:messages)) ORDER BY message, number;

-- name: body
SELECT data FROM body WHERE message = :message;

-- name: whole-messages
-- With recipients and body in one row each: every row more would be a step more.
SELECT message.*, body.data, (
    SELECT json_group_array(json_array(address, notify, orcpt))
    FROM (SELECT * FROM recipient WHERE recipient.message = message.id ORDER BY number)
) AS recipients
FROM message LEFT JOIN body ON body.message = message.id
WHERE message.id IN (SELECT value FROM json_each(:messages));

-- name: events
SELECT event.message, event.at, event.kind, recipient.address, event.lane, event.detail
FROM event LEFT JOIN recipient ON recipient.id = event.recipient
WHERE event.message = :message ORDER BY event.id;

-- name: open-messages
SELECT * FROM message WHERE finished IS NULL AND id > :after ORDER BY id LIMIT :most;

-- name: highest
-- The highest number that IdSource gave out, as far as it matters.
SELECT max(
    coalesce((SELECT max(id) FROM message), 0),
    coalesce((SELECT max(lease) FROM recipient WHERE state = 'claimed'), 0)
);

-- name: newest
SELECT coalesce(max(id), 0) FROM message;

-- name: open-files
SELECT id, size FROM message WHERE finished IS NULL AND filed;

-- name: find-open
-- Without finished messages: where every wanted state is one that is not final.
SELECT * FROM message
WHERE finished IS NULL AND id > :after
    AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
    AND (:sender IS NULL OR reverse_path LIKE :sender ESCAPE '\')
    AND (:client IS NULL OR client LIKE :client ESCAPE '\')
    AND (:older IS NULL OR received_at < :older)
    AND (:newer IS NULL OR received_at > :newer)
    AND EXISTS (
        SELECT 1 FROM recipient
        WHERE recipient.message = message.id AND recipient.state IN (SELECT value FROM json_each(:states))
            AND (:recipient IS NULL OR recipient.address LIKE :recipient ESCAPE '\')
            AND (:lane IS NULL OR recipient.lane LIKE :lane ESCAPE '\')
            AND (:due IS NULL OR recipient.next_attempt > :due)
    )
ORDER BY id LIMIT :most;

-- name: find-any
SELECT * FROM message
WHERE id > :after
    AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
    AND (:sender IS NULL OR reverse_path LIKE :sender ESCAPE '\')
    AND (:client IS NULL OR client LIKE :client ESCAPE '\')
    AND (:older IS NULL OR received_at < :older)
    AND (:newer IS NULL OR received_at > :newer)
    AND EXISTS (
        SELECT 1 FROM recipient
        WHERE recipient.message = message.id AND recipient.state IN (SELECT value FROM json_each(:states))
            AND (:recipient IS NULL OR recipient.address LIKE :recipient ESCAPE '\')
            AND (:lane IS NULL OR recipient.lane LIKE :lane ESCAPE '\')
            AND (:due IS NULL OR recipient.next_attempt > :due)
    )
ORDER BY id LIMIT :most;
