-- A doubt about a transcript's language, where lists can read it without the transcript.

ALTER TABLE results ADD COLUMN language_suspect INTEGER NOT NULL DEFAULT 0  -- 1: does not sound like its language
    CHECK (language_suspect IN (0, 1));
