-- Every time a whole book was put in place of the live one: intent first, outcome after, as with changes. "body" holds what is needed to
-- finish it after a crash and to take it back.
CREATE TABLE restore (
    id         TEXT PRIMARY KEY,
    company_id TEXT NOT NULL,
    backup_id  TEXT NOT NULL,
    -- The backup of the books as they were directly before.
    safety_id  TEXT NOT NULL,
    -- The restore that this one took back.
    undoes     TEXT,
    state      TEXT NOT NULL,
    position   INTEGER NOT NULL,
    at         TEXT NOT NULL,
    body       TEXT NOT NULL
);
