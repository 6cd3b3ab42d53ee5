-- Full-text search. Every stored transcript is cut into passages (passages.py), which FTS5 indexes.

CREATE TABLE passages (
    id           INTEGER PRIMARY KEY,
    content_id   INTEGER NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
    starts_ms    TEXT    NOT NULL CHECK (json_valid(starts_ms)),     -- when each of its segments begins
    own_segments INTEGER NOT NULL CHECK (own_segments >= 1),         -- those after them begin the next passage, too
    text         TEXT    NOT NULL                                    -- the segments as they are indexed, one a line
) STRICT;

CREATE INDEX passages_of_content ON passages (content_id);

-- Letters, digits and the marks on them make a word; upper case and diacritics do not count. The text itself stays in the
-- table above, so that it is stored once.
CREATE VIRTUAL TABLE passages_index USING fts5 (
    text,
    content = 'passages',
    content_rowid = 'id',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'"
);

CREATE TRIGGER passage_added AFTER INSERT ON passages BEGIN
    INSERT INTO passages_index (rowid, text) VALUES (new.id, new.text);
END;

CREATE TRIGGER passage_removed AFTER DELETE ON passages BEGIN
    INSERT INTO passages_index (passages_index, rowid, text) VALUES ('delete', old.id, old.text);
END;

-- passages_of is a function of this program, see passages.py.
INSERT INTO passages (content_id, starts_ms, own_segments, text)
SELECT r.content_id, p.value ->> 'starts_ms', p.value ->> 'own_segments', p.value ->> 'text'
FROM results AS r, json_each(passages_of(r.transcript)) AS p;
