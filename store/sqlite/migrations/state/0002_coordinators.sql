-- The coordinators that share this database.
CREATE TABLE dffmpeg_coordinators (
    coordinator_id TEXT PRIMARY KEY,
    host           TEXT NOT NULL,
    version        TEXT NOT NULL,
    url            TEXT NOT NULL,
    started_at     INTEGER NOT NULL,
    last_seen      INTEGER NOT NULL
);
CREATE INDEX dffmpeg_coordinators_seen ON dffmpeg_coordinators (last_seen);

-- What only one of them does at a time.
CREATE TABLE dffmpeg_coordinators_leases (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL
);
CREATE INDEX dffmpeg_coordinators_holders ON dffmpeg_coordinators_leases (holder);
