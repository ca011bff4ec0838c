-- What a person answered to a held movement: a projection of the log's "hold.…" records. "hold" is the held movement as it
-- was, so that an undone answer puts it back; "keys" are the keys that the answer covers.
CREATE TABLE hold_answer (
    id            TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL,
    version       TEXT NOT NULL,
    stream        TEXT NOT NULL,
    record        TEXT NOT NULL,
    reason_code   TEXT NOT NULL,
    hold          TEXT NOT NULL,
    answer        TEXT NOT NULL,
    state         TEXT NOT NULL,
    keys          TEXT NOT NULL,
    entry_id      TEXT,
    reason        TEXT NOT NULL,
    by_whom       TEXT NOT NULL,
    at            TEXT NOT NULL,
    upgrade_id    TEXT,
    -- 1 when the connector's rules did not know the movement, so that the answer is about the whole record.
    whole_record  INTEGER NOT NULL
);
-- One answer at a time for one held movement, whoever gives it.
CREATE UNIQUE INDEX hold_answer_standing ON hold_answer (connection_id, stream, record, reason_code) WHERE state IN ('intent', 'done');
