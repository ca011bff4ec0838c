-- Companies, connections and what the engine knows of every movement. Portable SQL: the same statements
-- must run on PostgreSQL one day. Instants are RFC 3339 text in UTC, dates are ISO text, amounts minor units.
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE company (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    books_app      TEXT NOT NULL,
    books_path     TEXT NOT NULL,
    zone           TEXT NOT NULL,
    currency       TEXT NOT NULL,
    closed_through TEXT,
    practice       INTEGER NOT NULL,
    created_at     TEXT NOT NULL
);
CREATE TABLE connection (
    id          TEXT PRIMARY KEY,
    company_id  TEXT NOT NULL REFERENCES company(id),
    provider    TEXT NOT NULL,
    environment TEXT NOT NULL,
    endpoints   TEXT,
    client_id   TEXT NOT NULL,
    tenant_id   TEXT,
    tenant_name TEXT,
    connector   TEXT NOT NULL,
    version     TEXT NOT NULL,
    roles       TEXT NOT NULL,
    sync_from   TEXT NOT NULL,
    synced_at   TEXT,
    created_at  TEXT NOT NULL
);
-- Who may post movements of a stream: 'old', 'fenced' or 'new'; only present while an upgrade is under way.
CREATE TABLE stream_owner (
    connection_id TEXT NOT NULL,
    stream        TEXT NOT NULL,
    owner         TEXT NOT NULL,
    PRIMARY KEY (connection_id, stream)
);
CREATE TABLE cursor (
    connection_id TEXT NOT NULL,
    version       TEXT NOT NULL,
    stream        TEXT NOT NULL,
    through       TEXT NOT NULL,
    PRIMARY KEY (connection_id, version, stream)
);
-- Raw records as received, one row per content; the newest "updated" of an id counts.
CREATE TABLE record (
    connection_id TEXT NOT NULL,
    version       TEXT NOT NULL,
    stream        TEXT NOT NULL,
    id            TEXT NOT NULL,
    digest        TEXT NOT NULL,
    instant       TEXT NOT NULL,
    updated       TEXT NOT NULL,
    parent        TEXT,
    body          BLOB NOT NULL,
    received_at   TEXT NOT NULL,
    PRIMARY KEY (connection_id, version, stream, id, digest)
);
-- One row per entry of the books that Changeover knows by key.
CREATE TABLE entry (
    connection_id TEXT NOT NULL,
    entry_id      TEXT NOT NULL,
    key           TEXT NOT NULL,
    version       TEXT NOT NULL,
    change_id     TEXT NOT NULL,
    date          TEXT NOT NULL,
    print         TEXT NOT NULL,
    body          TEXT NOT NULL,
    PRIMARY KEY (connection_id, entry_id)
);
-- The identity map: every key ever posted or recognised, and the entry that holds it.
CREATE TABLE identity (
    connection_id TEXT NOT NULL,
    key           TEXT NOT NULL,
    state         TEXT NOT NULL,
    entry_id      TEXT NOT NULL,
    version       TEXT NOT NULL,
    content       TEXT NOT NULL,
    stream        TEXT NOT NULL,
    record        TEXT NOT NULL,
    instant       TEXT NOT NULL,
    PRIMARY KEY (connection_id, key)
);
CREATE TABLE alias (
    connection_id TEXT NOT NULL,
    old_key       TEXT NOT NULL,
    new_key       TEXT NOT NULL,
    class         TEXT NOT NULL,
    via           TEXT NOT NULL,
    PRIMARY KEY (connection_id, old_key, new_key)
);
-- Every atomic change of the books: intent first, outcome after. "removed" holds removed entries verbatim.
CREATE TABLE change (
    id            TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL,
    upgrade_id    TEXT,
    purpose       TEXT NOT NULL,
    state         TEXT NOT NULL,
    intent        BLOB NOT NULL,
    applied       BLOB,
    -- Journal position of the intent: order never depends on a clock.
    position      INTEGER NOT NULL,
    at            TEXT NOT NULL
);
CREATE TABLE hold (
    connection_id TEXT NOT NULL,
    version       TEXT NOT NULL,
    stream        TEXT NOT NULL,
    record        TEXT NOT NULL,
    reason_code   TEXT NOT NULL,
    reason        TEXT NOT NULL,
    instant       TEXT NOT NULL,
    minor         INTEGER,
    PRIMARY KEY (connection_id, version, stream, record, reason_code)
);
CREATE TABLE backup (
    id          TEXT PRIMARY KEY,
    company_id  TEXT NOT NULL,
    snapshot    TEXT NOT NULL,
    place       TEXT NOT NULL,
    label       TEXT NOT NULL,
    copied_at   TEXT NOT NULL,
    checked_at  TEXT,
    restored_at TEXT,
    files       INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    entries     INTEGER NOT NULL,
    journal_seq INTEGER NOT NULL,
    manifest    TEXT NOT NULL,
    upgrade_id  TEXT
);
CREATE TABLE upgrade (
    id            TEXT PRIMARY KEY,
    company_id    TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    from_version  TEXT NOT NULL,
    to_version    TEXT NOT NULL,
    started_at    TEXT NOT NULL,
    open          INTEGER NOT NULL
);
-- Facts of an upgrade that are too large for the journal; the journal holds their digests.
CREATE TABLE upgrade_fact (
    upgrade_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (upgrade_id, name)
);
