-- Formats that a person asked for beyond those of the configuration: for these recordings alone, wherever they are, and
-- also when they are transcribed again.
CREATE TABLE added_formats (
    content_id INTEGER NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
    format     TEXT    NOT NULL,
    PRIMARY KEY (content_id, format)
) STRICT, WITHOUT ROWID;
