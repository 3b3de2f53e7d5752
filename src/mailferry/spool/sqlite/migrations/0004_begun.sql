-- Which of the claims are attempted: a kill leaves those in doubt, the others were never tried.
ALTER TABLE recipient ADD COLUMN begun INTEGER NOT NULL DEFAULT 1;

DROP TRIGGER take_insert;

DROP VIEW take;

-- A claim: lease what is due in a lane, whole messages. `turn` are the clients with due mail there, a step of the index
-- each; the oldest due of every one are looked at, and clients take turns, a message each, from the one after `last`.
CREATE VIEW take AS SELECT 0 AS lane, 0 AS now, 0 AS most, 0 AS lease, 0 AS expires, 0 AS last,
    0 AS begin;

CREATE TRIGGER take_insert INSTEAD OF INSERT ON take
BEGIN
    UPDATE recipient SET
        came_from = state, state = 'claimed', lease = NEW.lease, expires = NEW.expires, begun = NEW.begin >= NEW.most
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
    -- Those that are attempted at once; of the others it is recorded when their turn comes.
    UPDATE recipient SET begun = 1
    WHERE NEW.begin > 0 AND NEW.begin < NEW.most AND state = 'claimed' AND lease = NEW.lease AND message IN (
        SELECT message FROM recipient WHERE state = 'claimed' AND lease = NEW.lease
        GROUP BY message ORDER BY min(next_attempt), message LIMIT NEW.begin
    );
    INSERT INTO event (message, at, kind, recipient, lane, detail)
    SELECT message, NEW.now, 'claimed', id, lane, '' FROM recipient WHERE state = 'claimed' AND lease = NEW.lease
    ORDER BY message, number;
END;
