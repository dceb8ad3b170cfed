-- Long ids are told once, in users and conversations; everything else names them by their key.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Whoever is named gets a key; only those who were seen have an announcement_start, and only they
-- are users.
CREATE TABLE users (
    key INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE,
    name TEXT,
    avatar TEXT,
    announcement_start INTEGER
) STRICT;

-- holes and preview are the protocol's own JSON; no holes are NULL.
CREATE TABLE conversations (
    key INTEGER PRIMARY KEY,
    conversation_id TEXT NOT NULL UNIQUE,
    name TEXT,
    avatar TEXT,
    last_seq INTEGER NOT NULL DEFAULT 0,
    floor INTEGER NOT NULL DEFAULT 0,
    holes TEXT,
    last_at INTEGER NOT NULL DEFAULT 0,
    preview TEXT
) STRICT;

-- There is one conversation for everyone, from the beginning; its key is known to the code.
INSERT INTO conversations (key, conversation_id) VALUES (1, 'announcement');

-- The sender 0 is the product. It is no NULL, because two NULLs are never equal, and a resend by
-- the product would be stored twice. The rows lie in the order of the history, so that a page is
-- read from neighbours; the id has no index, because nothing asks for it.
CREATE TABLE messages (
    conversation INTEGER NOT NULL REFERENCES conversations (key),
    seq INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    sender INTEGER NOT NULL,
    client_msg_id TEXT NOT NULL,
    content_hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,
    quiet INTEGER NOT NULL,
    content TEXT,
    recalled_at INTEGER,
    recalled_by INTEGER,
    PRIMARY KEY (conversation, seq),
    UNIQUE (conversation, sender, client_msg_id)
) STRICT, WITHOUT ROWID;

-- last_seq, last_at and maybe_unread are derived, and stay 0 in the row of an announcement, which
-- no append touches: it is merged in where it is read.
CREATE TABLE members (
    user INTEGER NOT NULL REFERENCES users (key),
    conversation INTEGER NOT NULL REFERENCES conversations (key),
    read_seq INTEGER NOT NULL DEFAULT 0,
    start_seq INTEGER NOT NULL DEFAULT 0,
    own TEXT,
    cleared INTEGER NOT NULL DEFAULT 0,
    mark INTEGER NOT NULL DEFAULT 0,
    mark_seen INTEGER NOT NULL DEFAULT 0,
    term INTEGER NOT NULL,
    settings_revision INTEGER NOT NULL DEFAULT 0,
    muted INTEGER NOT NULL DEFAULT 0,
    pinned INTEGER NOT NULL DEFAULT 0,
    last_seq INTEGER NOT NULL DEFAULT 0,
    last_at INTEGER NOT NULL DEFAULT 0,
    maybe_unread INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user, conversation)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_of_conversation ON members (conversation);
CREATE INDEX members_unread ON members (user) WHERE maybe_unread = 1;
CREATE INDEX members_listed ON members (user, last_at) WHERE last_seq > cleared AND term % 2 = 1;

-- What explains a badge afterwards. A read is kept only where it raised read_seq, so the seq is
-- unique within a membership.
CREATE TABLE reads (
    user INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    PRIMARY KEY (user, conversation, seq)
) STRICT, WITHOUT ROWID;
