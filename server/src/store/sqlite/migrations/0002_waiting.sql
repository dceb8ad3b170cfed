-- What waits to be told to the main app. The receiver 0 is everyone. A notice that waits has a
-- due_at, and one that was finished a done_at: it stays for a while, so that a resend does not
-- bring it back.
CREATE TABLE waiting (
    receiver INTEGER NOT NULL,
    conversation INTEGER NOT NULL REFERENCES conversations (key),
    seq INTEGER NOT NULL,
    due_at INTEGER,
    done_at INTEGER,
    held_by TEXT,
    told INTEGER NOT NULL DEFAULT 0,
    looked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (receiver, conversation, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX waiting_due ON waiting (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX waiting_done ON waiting (done_at) WHERE done_at IS NOT NULL;
