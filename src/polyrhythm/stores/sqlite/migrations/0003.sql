-- Schema 3. Named values beside the runs: permits, projections.

CREATE TABLE objects (
    namespace_key INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (namespace_key, kind, name)
) STRICT, WITHOUT ROWID;
