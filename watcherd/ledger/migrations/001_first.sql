-- The first schema. Times are milliseconds since 1970-01-01 UTC, durations milliseconds, hashes raw SHA-256 (32 bytes),
-- paths the absolute bytes that the file system gave. NULL means what the comment says and nothing else.

CREATE TABLE contents (
    id            INTEGER PRIMARY KEY,
    sha256        BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),  -- of the whole file: the identity
    packet_sha256 BLOB    CHECK (length(packet_sha256) = 32),           -- of the audio packets alone; NULL: not computed
    state         TEXT    NOT NULL CHECK (state IN (
                      'pending', 'running', 'transcribed', 'done', 'no_speech', 'retry', 'blocked', 'failed', 'superseded')),
    generation    INTEGER NOT NULL DEFAULT 1 CHECK (generation >= 1),   -- which transcription is wanted; redo asks for the next
    attempts      INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),     -- charged in this generation
    deaths        INTEGER NOT NULL DEFAULT 0 CHECK (deaths >= 0),       -- of the engine with this content in hand
    error_class   TEXT    CHECK (error_class IN ('permanent', 'transient', 'blocked', 'poison')),  -- NULL: nothing is wrong
    error         TEXT,                                                 -- what happened; NULL with error_class
    remedy        TEXT,                                                 -- what the user can do, may be ''; NULL with error_class
    retry_at_ms   INTEGER,                                              -- next try; NULL: not by itself
    first_seen_ms INTEGER NOT NULL,                                     -- the place in the queue
    changed_ms    INTEGER NOT NULL,                                     -- in this state since
    last_path     BLOB,                                                 -- where it was when its last path went; NULL: paths hold it
    CHECK ((error_class IS NULL) = (error IS NULL) AND (error_class IS NULL) = (remedy IS NULL)),
    CHECK (retry_at_ms IS NULL OR error_class IS NOT NULL),
    CHECK (state <> 'superseded' OR last_path IS NOT NULL)
) STRICT;

CREATE INDEX contents_in_turn ON contents (state, first_seen_ms);
CREATE INDEX contents_by_packet ON contents (packet_sha256) WHERE packet_sha256 IS NOT NULL;
CREATE INDEX contents_to_retry ON contents (retry_at_ms) WHERE retry_at_ms IS NOT NULL;

CREATE TABLE paths (
    id           INTEGER PRIMARY KEY,
    path         BLOB    NOT NULL UNIQUE,
    content_id   INTEGER REFERENCES contents (id),          -- NULL: never read successfully
    stat_key     BLOB    CHECK (length(stat_key) = 40),     -- records.StatKey; NULL: look at the file again
    published_ms INTEGER,                                   -- sidecars of the wanted generation are out; NULL: not yet
    error_class  TEXT    CHECK (error_class IN ('transient', 'blocked')),  -- trouble of this path alone; NULL: none
    error        TEXT,                                      -- NULL with error_class
    remedy       TEXT,                                      -- may be ''; NULL with error_class
    retry_at_ms  INTEGER,                                   -- next try; NULL: not by itself
    CHECK ((error_class IS NULL) = (error IS NULL) AND (error_class IS NULL) = (remedy IS NULL)),
    CHECK (retry_at_ms IS NULL OR error_class IS NOT NULL),
    CHECK (content_id IS NOT NULL OR (error_class IS NOT NULL AND published_ms IS NULL))
) STRICT;

CREATE INDEX paths_of_content ON paths (content_id) WHERE content_id IS NOT NULL;
CREATE INDEX paths_to_retry ON paths (retry_at_ms) WHERE retry_at_ms IS NOT NULL;

CREATE TABLE results (
    content_id           INTEGER PRIMARY KEY REFERENCES contents (id),
    generation           INTEGER NOT NULL,                               -- an older one than the content's: redo is under way
    transcript           TEXT    NOT NULL CHECK (json_valid(transcript)),  -- Transcript.to_dict
    segments             INTEGER NOT NULL CHECK (segments >= 0),         -- 0: nobody speaks
    language             TEXT,                                           -- ISO 639-1; NULL: nobody speaks, none was configured
    duration_ms          INTEGER NOT NULL CHECK (duration_ms >= 0),
    model_id             TEXT    NOT NULL,
    model_revision       TEXT,                                           -- NULL: the model has none
    settings_fingerprint TEXT    NOT NULL,
    compute_ms           INTEGER CHECK (compute_ms >= 0),                -- NULL: adopted from a content with the same packets
    stored_ms            INTEGER NOT NULL
) STRICT;

CREATE TABLE sidecars (
    id              INTEGER PRIMARY KEY,
    path            BLOB    NOT NULL UNIQUE,
    recording       BLOB    NOT NULL,                                -- its path; it may have gone from paths since
    content_id      INTEGER NOT NULL REFERENCES contents (id),       -- whose words it holds
    format          TEXT    NOT NULL,                                -- the name of the format: srt, txt, …
    generation      INTEGER NOT NULL,                                -- of the content, at the last intent
    intended_sha256 BLOB    CHECK (length(intended_sha256) = 32),    -- a write is under way; NULL: none is
    written_sha256  BLOB    CHECK (length(written_sha256) = 32),     -- what we wrote last; NULL: nothing yet
    kept            INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),  -- 1: the file there is the user's
    CHECK (kept = 1 OR intended_sha256 IS NOT NULL OR written_sha256 IS NOT NULL)
) STRICT;

CREATE INDEX sidecars_of_recording ON sidecars (recording);
CREATE INDEX sidecars_of_content ON sidecars (content_id);

-- Every content that a sidecar of ours ever got. A file with such bytes is no person's work, also where a person has moved
-- it, together with a recording or alone.
CREATE TABLE made (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id         INTEGER PRIMARY KEY,
    content_id INTEGER NOT NULL REFERENCES contents (id),
    at_ms      INTEGER NOT NULL,
    from_state TEXT,                                                 -- NULL: the content was not known before
    to_state   TEXT    NOT NULL,
    reason     TEXT    NOT NULL                                      -- one line for a person
) STRICT;

CREATE INDEX events_of_content ON events (content_id);

-- Every path with the state that people see: trouble of the path itself hides the state of its content.
CREATE VIEW path_states AS
SELECT
    p.path,
    p.content_id,
    p.published_ms,
    c.sha256,
    c.attempts,
    c.generation,
    CASE p.error_class WHEN 'blocked' THEN 'blocked' WHEN 'transient' THEN 'retry' ELSE c.state END AS state,
    coalesce(p.error_class, c.error_class) AS error_class,
    coalesce(p.error, c.error) AS error,
    coalesce(p.remedy, c.remedy) AS remedy,
    CASE WHEN p.error_class IS NULL THEN c.retry_at_ms ELSE p.retry_at_ms END AS retry_at_ms
FROM paths AS p
LEFT JOIN contents AS c ON c.id = p.content_id;
