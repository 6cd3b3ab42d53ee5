-- What is read of contents that are not finished, so that an interrupted one goes on from its last window.

CREATE TABLE unfinished (
    content_id  INTEGER PRIMARY KEY REFERENCES contents (id),
    fingerprint TEXT NOT NULL,  -- of the model and the settings that the windows are read with; under another they are void
    language    TEXT            -- that the recording is read as; NULL: not known yet
) STRICT;

CREATE TABLE windows (
    content_id INTEGER NOT NULL REFERENCES unfinished (content_id) ON DELETE CASCADE,
    key        BLOB    NOT NULL CHECK (length(key) = 16),  -- the window's place, audio and language
    reading    TEXT    NOT NULL,                           -- what the engine wrote down, for the engine alone
    PRIMARY KEY (content_id, key)
) STRICT, WITHOUT ROWID;
