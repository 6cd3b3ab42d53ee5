-- What the gates decided about each window stays with the result.

-- Each is a decisions.WindowDecision.to_dict; an empty array where an older version made the result.
ALTER TABLE results ADD COLUMN windows TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(windows));
