-- The coordinators that share this database.
CREATE TABLE IF NOT EXISTS dffmpeg_coordinators (
    coordinator_id VARBINARY(26) NOT NULL PRIMARY KEY,
    host           VARBINARY(1024) NOT NULL,
    version        VARBINARY(255) NOT NULL,
    url            VARBINARY(2048) NOT NULL,
    started_at     BIGINT NOT NULL,
    last_seen      BIGINT NOT NULL,
    INDEX dffmpeg_coordinators_seen (last_seen)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- What only one of them does at a time.
CREATE TABLE IF NOT EXISTS dffmpeg_coordinators_leases (
    name   VARBINARY(64) NOT NULL PRIMARY KEY,
    holder VARBINARY(26) NOT NULL,
    until  BIGINT NOT NULL,
    INDEX dffmpeg_coordinators_holders (holder)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;
