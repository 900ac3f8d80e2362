-- The tables of version 1. Databases from before versions were kept have them already.
CREATE TABLE IF NOT EXISTS conversations (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL,
    name       TEXT NOT NULL,
    number     INTEGER NOT NULL,
    language   TEXT NOT NULL,
    level      TEXT NOT NULL,
    scenario   TEXT,
    voice      TEXT,
    model      TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (owner, name),
    UNIQUE (owner, number)
) STRICT;

-- Lists are read page by page along it: no two conversations of an owner share a place.
CREATE UNIQUE INDEX IF NOT EXISTS conversations_by_use ON conversations (owner, updated_at);

CREATE TABLE IF NOT EXISTS turns (
    id           TEXT PRIMARY KEY,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    answer       TEXT NOT NULL UNIQUE,
    metadata     TEXT NOT NULL,
    state        TEXT NOT NULL,
    failure      TEXT,
    corrections  TEXT NOT NULL DEFAULT '[]',
    summary      TEXT NOT NULL DEFAULT 'null',
    heard        TEXT,
    heard_chunks INTEGER,
    heard_ms     INTEGER,
    began_at     INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;

CREATE INDEX IF NOT EXISTS turns_unfinished ON turns (state) WHERE state = 'making';

-- The number is the order of the messages in their conversation.
CREATE TABLE IF NOT EXISTS messages (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    turn         TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    role         TEXT NOT NULL,
    sender       TEXT,
    text         TEXT NOT NULL,
    client_id    TEXT,
    fingerprint  TEXT,
    at           INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS messages_by_conversation ON messages (conversation, number);

CREATE TABLE IF NOT EXISTS chunks (
    turn       TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    place      INTEGER NOT NULL,
    audio_file TEXT UNIQUE,
    body       TEXT NOT NULL,
    PRIMARY KEY (turn, place)
) STRICT, WITHOUT ROWID;
