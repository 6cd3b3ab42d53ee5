-- Whether a person has paused the work: one row, or none. It is kept, so that neither a restart nor a reboot takes up
-- again what somebody has stopped on purpose.
CREATE TABLE pause (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    since_ms INTEGER NOT NULL,
    until_ms INTEGER                             -- NULL: until somebody resumes
) STRICT;
