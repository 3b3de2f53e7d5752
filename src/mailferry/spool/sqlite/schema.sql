-- The store of accepted mail. Times are microseconds since the epoch (integers compare exactly where decimals would not).
-- This file is the truth; migrations/ leads older stores to the same sqlite_master (a test compares).

-- Every allowed move of a recipient; spool.api.MOVES says the same (a test compares).
CREATE TABLE move (
    origin TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (origin, target)
) WITHOUT ROWID;

INSERT INTO move (origin, target) VALUES
    ('queued', 'claimed'), ('queued', 'held'), ('queued', 'dropped'), ('queued', 'expired'),
    ('deferred', 'claimed'), ('deferred', 'held'), ('deferred', 'dropped'), ('deferred', 'expired'),
    ('deferred', 'deferred'),
    ('unknown', 'claimed'), ('unknown', 'held'), ('unknown', 'dropped'), ('unknown', 'expired'),
    ('unknown', 'delivered'), ('unknown', 'deferred'),
    ('held', 'deferred'), ('held', 'dropped'), ('held', 'delivered'),
    ('claimed', 'delivered'), ('claimed', 'deferred'), ('claimed', 'unknown'), ('claimed', 'failed'),
    ('claimed', 'expired'), ('claimed', 'held'), ('claimed', 'queued');

CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    filed INTEGER NOT NULL,  -- 1: the body is a file, else a row of body
    reverse_path TEXT NOT NULL,
    body_type TEXT,
    smtputf8 INTEGER NOT NULL,
    ret TEXT,
    envid TEXT,
    client TEXT NOT NULL,
    address TEXT NOT NULL,
    helo TEXT NOT NULL,
    account TEXT,
    tls TEXT,
    listener TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    header_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    finished INTEGER  -- when the last recipient became final
);

-- NULL first and then by rowid: the unfinished messages as they came.
CREATE INDEX message_finished ON message (finished);

-- Apart from message: an attempt touches bytes of state, never the bytes of the mail.
CREATE TABLE body (
    message INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

CREATE TABLE recipient (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    number INTEGER NOT NULL,  -- its place in the envelope
    address TEXT NOT NULL,
    notify INTEGER NOT NULL,
    orcpt TEXT,
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    next_attempt INTEGER,
    attempts INTEGER NOT NULL,
    last_reply TEXT NOT NULL,
    came_from TEXT,  -- the state before the claim, or before somebody held it
    lease INTEGER,
    expires INTEGER  -- of the lease
, client TEXT NOT NULL DEFAULT '', begun INTEGER NOT NULL DEFAULT 1);

CREATE INDEX recipient_message ON recipient (message);

CREATE INDEX recipient_waiting ON recipient (lane, client, next_attempt, message)
    WHERE state IN ('queued', 'deferred', 'unknown');

CREATE INDEX recipient_claimed ON recipient (lease) WHERE state = 'claimed';

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    recipient INTEGER,  -- NULL: of the whole message
    lane TEXT NOT NULL,
    detail TEXT NOT NULL
);

CREATE INDEX event_message ON event (message);

CREATE TABLE usage (
    lane TEXT NOT NULL,
    minute INTEGER NOT NULL,  -- epoch seconds / 60
    messages INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    PRIMARY KEY (lane, minute)
) WITHOUT ROWID;

CREATE TABLE alarm (
    key TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    text TEXT NOT NULL,
    cure TEXT NOT NULL
) WITHOUT ROWID;

-- Whatever a statement says, no recipient leaves the table of moves.
CREATE TRIGGER recipient_moves BEFORE UPDATE OF state ON recipient
WHEN NOT EXISTS (SELECT 1 FROM move WHERE origin = OLD.state AND target = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'move not allowed');
END;

-- The body goes with the last recipient that needs it.
CREATE TRIGGER message_ends AFTER UPDATE OF finished ON message
WHEN NEW.finished IS NOT NULL
BEGIN
    DELETE FROM body WHERE message = NEW.id;
END;

-- The three doors of the mail path. One statement per door and batch: Python's sqlite3 gives the interpreter lock away
-- at each step and waits for it again, up to the switch interval while the event loop is busy, so that what a batch
-- costs is its number of statements. A door is a view; the trigger does the rest without the lock.

-- New mail. `recipients` is JSON: [[address, notify, orcpt, lane], ...]. Rows without id are padding.
CREATE VIEW arrival AS SELECT
    0 AS id, 0 AS received_at, 0 AS size, 0 AS filed, 0 AS reverse_path, 0 AS body_type, 0 AS smtputf8, 0 AS ret,
    0 AS envid, 0 AS client, 0 AS address, 0 AS helo, 0 AS account, 0 AS tls, 0 AS listener, 0 AS mailbox,
    0 AS header_id, 0 AS subject, 0 AS detail, 0 AS recipients, 0 AS data;

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

-- What an attempt did to one claim. A lease's budget comes with its first row (0 in the others); `attempted` 0 keeps
-- the last reply. Rows without id are padding.
CREATE VIEW verdict AS SELECT
    0 AS claim, 0 AS message, 0 AS lane, 0 AS lease, 0 AS at, 0 AS state, 0 AS detail, 0 AS due, 0 AS counts,
    0 AS attempted, 0 AS report, 0 AS messages, 0 AS recipients;

CREATE TRIGGER verdict_insert INSTEAD OF INSERT ON verdict
BEGIN
    SELECT RAISE(ABORT, 'lease lost') WHERE NOT EXISTS (
        SELECT 1 FROM recipient
        WHERE id = NEW.claim AND state = 'claimed' AND lease = NEW.lease AND message = NEW.message
    );
    UPDATE recipient SET
        state = NEW.state, next_attempt = NEW.due, attempts = attempts + NEW.counts,
        last_reply = CASE WHEN NEW.attempted THEN NEW.detail ELSE last_reply END,
        came_from = NULL, lease = NULL, expires = NULL
    WHERE id = NEW.claim AND state = 'claimed';
    INSERT INTO event (message, at, kind, recipient, lane, detail)
    VALUES (NEW.message, NEW.at, NEW.state, NEW.claim, NEW.lane, NEW.detail);
    INSERT INTO event (message, at, kind, recipient, lane, detail)
    SELECT NEW.message, NEW.at, 'bounced', NEW.claim, NEW.lane, NEW.report WHERE NEW.report <> '';
    INSERT INTO usage (lane, minute, messages, recipients)
    SELECT NEW.lane, NEW.at / 60000000, NEW.messages, NEW.recipients WHERE NEW.messages OR NEW.recipients
    ON CONFLICT (lane, minute) DO UPDATE
    SET messages = messages + excluded.messages, recipients = recipients + excluded.recipients;
    UPDATE message SET finished = NEW.at
    WHERE id = NEW.message AND finished IS NULL
        AND NEW.state IN ('delivered', 'failed', 'expired', 'dropped')
        AND NOT EXISTS (
            SELECT 1 FROM recipient
            WHERE message = NEW.message AND state IN ('queued', 'deferred', 'unknown', 'claimed', 'held')
        );
END;
