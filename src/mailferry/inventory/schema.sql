-- name: schema
-- What the exports said. Every table is a set: a fact that comes again changes nothing, and the order of imports leaves
-- no trace. What follows from the facts is computed when it is asked for (join/).

CREATE TABLE version (number INTEGER NOT NULL);
INSERT INTO version VALUES (1);

CREATE SEQUENCE source_ids;
CREATE TABLE imported (
    id INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    rows BIGINT NOT NULL,      -- read, those skipped among them
    taken BIGINT NOT NULL,
    fresh BIGINT NOT NULL,     -- taken and not known before
    digest VARCHAR NOT NULL,   -- of the keys taken: the same file again is the same source
    first_at TIMESTAMP,
    last_at TIMESTAMP,
    imported_at TIMESTAMP NOT NULL,
    note VARCHAR NOT NULL
);
CREATE TABLE skipped (source INTEGER NOT NULL, reason VARCHAR NOT NULL, count BIGINT NOT NULL, line BIGINT);

-- Who, whence, how: the few thousand combinations in which events come. `weight` orders two records of one event, so
-- that the fuller one is kept whichever came first.
CREATE SEQUENCE dims_ids;
CREATE TABLE dims (
    id INTEGER NOT NULL,
    kind VARCHAR NOT NULL,           -- of the source
    account VARCHAR NOT NULL,        -- the mailbox or user that signed in, '' where nobody did
    sender VARCHAR NOT NULL,         -- the envelope's sender
    address VARCHAR NOT NULL,
    name VARCHAR NOT NULL,           -- EHLO name
    host VARCHAR NOT NULL,
    authentication VARCHAR NOT NULL, -- basic, oauth, implied (a legacy client, the record says no more), anonymous, ''
    mechanism VARCHAR NOT NULL,
    tls VARCHAR NOT NULL,
    agent VARCHAR NOT NULL,
    error VARCHAR NOT NULL,          -- '' where it went well
    via VARCHAR NOT NULL,            -- the way out that a relay took
    weight VARCHAR NOT NULL
);
-- Message-ID and subject of a message of each shape, a dozen at most, as signs to recognise a product by.
CREATE TABLE trait (dims INTEGER NOT NULL, message_id VARCHAR NOT NULL, subject VARCHAR NOT NULL);

-- A sign-in (message is NULL), or one recipient of one message.
CREATE TABLE observation (
    key UUID NOT NULL,
    instant TIMESTAMP NOT NULL,
    dims INTEGER NOT NULL,
    message UUID,
    domain VARCHAR,
    recipients INTEGER,
    size BIGINT
);

CREATE TABLE report (
    sender VARCHAR NOT NULL,
    authentication VARCHAR NOT NULL, -- basic, oauth, '' where the report has no such column
    tls10 DOUBLE,
    tls11 DOUBLE,
    tls12 DOUBLE,
    messages BIGINT NOT NULL
);
-- Settings are states, not events: the latest export holds. `as_of` is when the file was written.
CREATE TABLE mailbox (
    address VARCHAR NOT NULL,
    alias VARCHAR NOT NULL,          -- the user principal name where it differs
    told BOOLEAN NOT NULL,           -- the export has the switch; without it, NULL below means nothing
    disabled BOOLEAN,
    policy VARCHAR NOT NULL,
    as_of BIGINT NOT NULL
);
CREATE TABLE tenant (disabled BOOLEAN, legacy_tls BOOLEAN, as_of BIGINT NOT NULL);
CREATE TABLE organization (default_policy VARCHAR NOT NULL, reject_direct_send BOOLEAN, as_of BIGINT NOT NULL);
CREATE TABLE policy (name VARCHAR NOT NULL, basic_smtp BOOLEAN, as_of BIGINT NOT NULL);
CREATE TABLE owner (address VARCHAR NOT NULL, owner VARCHAR NOT NULL, site VARCHAR NOT NULL, as_of BIGINT NOT NULL);
