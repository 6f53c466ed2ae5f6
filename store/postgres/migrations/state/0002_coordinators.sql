-- The coordinators that share this database.
CREATE TABLE dffmpeg_coordinators (
    coordinator_id TEXT COLLATE "C" PRIMARY KEY,
    host           TEXT NOT NULL,
    version        TEXT NOT NULL,
    url            TEXT NOT NULL,
    started_at     BIGINT NOT NULL,
    last_seen      BIGINT NOT NULL
);
CREATE INDEX dffmpeg_coordinators_seen ON dffmpeg_coordinators (last_seen);

-- What only one of them does at a time.
CREATE TABLE dffmpeg_coordinators_leases (
    name   TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    until  BIGINT NOT NULL
);
CREATE INDEX dffmpeg_coordinators_holders ON dffmpeg_coordinators_leases (holder);
