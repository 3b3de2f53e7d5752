-- Clients of a lane take turns, so that a claim finds each one's mail by the index.
ALTER TABLE recipient ADD COLUMN client TEXT NOT NULL DEFAULT '';

UPDATE recipient SET client = (SELECT client FROM message WHERE message.id = recipient.message)
WHERE message IN (SELECT id FROM message WHERE finished IS NULL);

DROP INDEX recipient_waiting;

CREATE INDEX recipient_waiting ON recipient (lane, client, next_attempt, message)
    WHERE state IN ('queued', 'deferred', 'unknown');

DROP TRIGGER arrival_insert;

CREATE TRIGGER arrival_insert INSTEAD OF INSERT ON arrival
BEGIN
    INSERT INTO message VALUES (
        NEW.id, NEW.received_at, NEW.size, NEW.filed, NEW.reverse_path, NEW.body_type, NEW.smtputf8, NEW.ret,
        NEW.envid, NEW.client, NEW.address, NEW.helo, NEW.account, NEW.tls, NEW.listener, NEW.mailbox,
        NEW.header_id, NEW.subject, NULL
    );
    INSERT INTO body (message, data) SELECT NEW.id, NEW.data WHERE NOT NEW.filed;
    INSERT INTO recipient (
        message, number, address, notify, orcpt, lane, state, next_attempt, attempts, last_reply, client
    )
    SELECT
        NEW.id, key, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
        json_extract(value, '$[3]'), 'queued', NEW.received_at, 0, '', NEW.client
    FROM json_each(NEW.recipients);
    INSERT INTO event (message, at, kind, recipient, lane, detail)
    VALUES (NEW.id, NEW.received_at, 'accepted', NULL, '', NEW.detail);
END;

DROP TRIGGER take_insert;

DROP VIEW take;

-- A claim: lease what is due in a lane, whole messages. `turn` are the clients with due mail there, a step of the index
-- each; the oldest due of every one are looked at, and clients take turns, a message each, from the one after `last`.
CREATE VIEW take AS SELECT 0 AS lane, 0 AS now, 0 AS most, 0 AS lease, 0 AS expires, 0 AS last;

CREATE TRIGGER take_insert INSTEAD OF INSERT ON take
BEGIN
    UPDATE recipient SET came_from = state, state = 'claimed', lease = NEW.lease, expires = NEW.expires
    -- The + keeps the planner from walking through all that is due in the lane for each claim.
    WHERE +lane = NEW.lane AND state IN ('queued', 'deferred', 'unknown') AND next_attempt <= NEW.now
        AND message IN (
            WITH RECURSIVE turn (client) AS (
                SELECT (
                    SELECT client FROM recipient
                    WHERE lane = NEW.lane AND state IN ('queued', 'deferred', 'unknown') AND next_attempt <= NEW.now
                    ORDER BY client LIMIT 1
                )
                UNION ALL
                SELECT (
                    SELECT client FROM recipient
                    WHERE lane = NEW.lane AND client > turn.client
                        AND state IN ('queued', 'deferred', 'unknown') AND next_attempt <= NEW.now
                    ORDER BY client LIMIT 1
                )
                FROM turn WHERE turn.client IS NOT NULL
            )
            SELECT message.id
            FROM (
                SELECT client FROM turn WHERE client IS NOT NULL
                ORDER BY client <= NEW.last, client LIMIT NEW.most
            ) AS taker CROSS JOIN message ON message.id IN (
                SELECT DISTINCT message FROM recipient
                WHERE lane = NEW.lane AND client = taker.client
                    AND state IN ('queued', 'deferred', 'unknown') AND next_attempt <= NEW.now
                ORDER BY next_attempt, message LIMIT NEW.most
            )
            ORDER BY row_number() OVER (PARTITION BY taker.client ORDER BY message.id),
                taker.client <= NEW.last, taker.client
            LIMIT NEW.most
        );
    INSERT INTO event (message, at, kind, recipient, lane, detail)
    SELECT message, NEW.now, 'claimed', id, lane, '' FROM recipient WHERE state = 'claimed' AND lease = NEW.lease
    ORDER BY message, number;
END;
