from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watcherd.errors import LedgerError
from watcherd.ledger import connection, search
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.passages import PASSAGE_MS, SEAM, index_form
from watcherd.ledger.reader import Reader
from watcherd.ledger.schema import migrate, migrations
from watcherd.transcript import Segment, Transcript

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ledger.conftest import Desk
    from watcherd.ledger.search import Hit

EVERY_S = 5


def said(*sentences: str, language: str = "en") -> Transcript:
    """One sentence every five seconds."""
    segments = tuple(
        Segment(number * EVERY_S * 1000, number * EVERY_S * 1000 + 4000, sentence)
        for number, sentence in enumerate(sentences)
    )
    return Transcript(language, len(sentences) * EVERY_S * 1000, segments)


def add(desk: Desk, name: str, *sentences: str) -> None:
    desk.bind(name, "\n".join(sentences))
    desk.transcribe(said(*sentences))


def found(desk: Desk, *words: str, limit: int = 100) -> list[Hit]:
    return desk.ledger.read.search(words, limit)


def places(desk: Desk, *words: str) -> list[tuple[str, int]]:
    return [(hit.paths[0].name, hit.start_ms) for hit in found(desk, *words)]


def marked(hit: Hit) -> str:
    text = hit.text
    for first, end in reversed(hit.matches):
        text = f"{text[:first]}[{text[first:end]}]{text[end:]}"
    return text


def test_a_word_is_found_with_its_time_and_its_surroundings(desk: Desk) -> None:
    add(desk, "a.mp3", "Good morning.", "The budget is too small.", "We shall see.")

    (hit,) = found(desk, "BUDGET")

    assert (hit.paths, hit.start_ms) == ((desk.path("a.mp3"),), 5000)
    assert marked(hit) == "Good morning. The [budget] is too small. We shall see."


def test_all_words_must_be_said_near_each_other(desk: Desk) -> None:
    add(desk, "near.mp3", "The budget.", "It is red.")
    add(desk, "far.mp3", "The budget.", *["Nothing."] * 30, "It is red.")

    assert places(desk, "red", "budget") == [("near.mp3", 0)]


def test_the_best_comes_first(desk: Desk) -> None:
    add(desk, "once.mp3", "A whale is mentioned in a long sentence about many other things, such as ships and seas.")
    add(desk, "often.mp3", "The whale! The white whale! A whale!")

    assert [name for name, _ in places(desk, "whale")] == ["often.mp3", "once.mp3"]


def test_an_argument_with_blanks_or_a_part_in_quotes_is_a_phrase(desk: Desk) -> None:
    add(desk, "a.mp3", "In the next year we grow.")
    add(desk, "b.mp3", "This year is next to nothing.")

    assert places(desk, "next year") == places(desk, '"next year" grow') == [("a.mp3", 0)]
    assert len(places(desk, "next", "year")) == 2


def test_a_star_stands_for_any_ending(desk: Desk) -> None:
    add(desk, "a.mp3", "We transcribed it.")

    assert places(desk, "transcri*") == places(desk, "we transcri*") == places(desk, '"we transcri"*') == [("a.mp3", 0)]
    assert places(desk, "transcri") == []


def test_a_phrase_is_found_across_segments_and_across_passages(desk: Desk) -> None:
    sentences = [f"Number {number} of" for number in range(100)]
    add(desk, "a.mp3", *sentences)
    border = PASSAGE_MS // (EVERY_S * 1000)

    for number in (3, border - 1, border, 2 * border - 1):
        assert places(desk, f"number {number} of number") == [("a.mp3", number * EVERY_S * 1000)]


def test_what_two_passages_have_is_found_once(desk: Desk) -> None:
    add(desk, "a.mp3", *(f"word{number}" for number in range(100)))

    for number in range(100):
        assert places(desk, f"word{number}") == [("a.mp3", number * EVERY_S * 1000)]


def test_upper_case_and_accents_do_not_count(desk: Desk) -> None:
    add(desk, "a.mp3", "Grüße aus Łódź, cafe\u0301, на улице.")

    for word in ("gruße", "GRÜßE", "łódź", "ŁODZ", "CAFÉ", "cafe", "УЛИЦЕ"):
        assert places(desk, word) == [("a.mp3", 0)], word


@pytest.mark.parametrize(
    ("sentence", "words", "shown"),
    [
        ("我们今天讨论预算问题。", "预算", "我们今天讨论[预算]问题。"),
        ("明日は東京へ行きます。", "東京", "明日は[東京]へ行きます。"),
        ("カタカナとAI技術の話", "AI", "カタカナと[AI]技術の話"),
        ("สวัสดีครับ วันนี้อากาศดี", "อากาศ", "สวัสดีครับ วันนี้[อากาศ]ดี"),
        ("오늘 학교에서 만나요", "학교", "오늘 [학교]에서 만나요"),
        ("हिन्दी में बात करो", "हिन्दी", "[हिन्दी] में बात करो"),
        ("שלום לכולם", "שלום", "[שלום] לכולם"),
        ("Привет, мир", "привет", "[Привет], мир"),
    ],
)
def test_words_are_found_in_every_script(desk: Desk, sentence: str, words: str, shown: str) -> None:
    add(desk, "a.mp3", sentence)
    add(desk, "b.mp3", "".join(reversed(words)))

    assert [marked(hit) for hit in found(desk, words)] == [shown]


def test_vowel_signs_count(desk: Desk) -> None:
    add(desk, "a.mp3", "दिन")

    assert places(desk, "दान") == []


@pytest.mark.parametrize(
    "words",
    [
        [""],
        ["   "],
        ["***"],
        ['"'],
        ['""'],
        ['"unbalanced budget'],
        ["a\0b"],
        ["\ud800"],
        ["caf\udce9"],
        ["AND"],
        ["NOT", "OR"],
        ["NEAR(a b)"],
        ["text:", "^budget", "{a b}:c"],
        ["-budget"],
        ["'; DROP TABLE passages; --"],
        ["x"] * 5000,
        ["x " * 5000],
        ["东" * 5000],
        ["%", "_", "(", ")", "\\"],
        [SEAM, "\x02", "\x03"],
    ],
)
def test_no_question_is_an_error(desk: Desk, words: list[str]) -> None:
    add(desk, "a.mp3", "Nothing of that.")

    assert found(desk, *words) == []


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet=st.one_of(st.characters(exclude_categories=[]), st.sampled_from('"*-^:(){}+ ')))))
def test_whatever_is_typed_is_answered(desk: Desk, words: list[str]) -> None:
    assert found(desk, *words) == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sentence=st.text(min_size=1), number=st.integers(0))
def test_whatever_is_said_is_found_by_its_own_words(desk: Desk, sentence: str, number: int) -> None:
    word = f"w{number}"
    name = f"{number}-{abs(hash(sentence))}.mp3"
    desk.bind(name, name)
    desk.transcribe(said(json.loads(json.dumps(f"{word} {sentence}".encode(errors="replace").decode()))))

    hits = found(desk, word, limit=1000)

    assert desk.path(name) in {path for hit in hits for path in hit.paths}
    for hit in hits:
        assert all(0 <= first < end <= len(hit.text) for first, end in hit.matches)


def test_long_surroundings_are_cut_between_words(desk: Desk) -> None:
    add(desk, "a.mp3", "left " * 100 + "middle" + " right" * 100)

    (hit,) = found(desk, "middle")

    assert marked(hit).startswith("…left left ")
    assert " left [middle] right " in marked(hit)
    assert marked(hit).endswith(" right right…")
    assert len(hit.text) < 250


def test_of_several_words_the_place_is_shown_where_most_are(desk: Desk) -> None:
    add(desk, "a.mp3", "red " + "other words " * 40, "red budget")

    (hit,) = found(desk, "red", "budget")

    assert hit.start_ms == 5000
    assert marked(hit).endswith("[red] [budget]")


def test_a_copy_is_named_with_the_first_path(desk: Desk) -> None:
    add(desk, "a.mp3", "The budget.")
    desk.bind("copy.mp3", "The budget.")

    (hit,) = found(desk, "budget")

    assert hit.to_dict() == {
        "path": str(desk.path("a.mp3")),
        "start_s": 0.0,
        "text": "The budget.",
        "also_at": [str(desk.path("copy.mp3"))],
    }


def test_a_recording_that_has_gone_is_not_found_until_it_is_back(desk: Desk) -> None:
    add(desk, "a.mp3", "The budget.")

    desk.ledger.paths.forget([desk.path("a.mp3")])
    assert found(desk, "budget") == []

    desk.bind("b.mp3", "The budget.")
    assert places(desk, "budget") == [("b.mp3", 0)]


def test_a_redo_replaces_what_is_found(desk: Desk) -> None:
    add(desk, "a.mp3", "The budged.")
    desk.publish()
    known = desk.ledger.read.path(desk.path("a.mp3"))
    assert known is not None
    assert known.content_id is not None
    desk.ledger.queue.redo(known.content_id)
    assert places(desk, "budged") == [("a.mp3", 0)]

    desk.transcribe(said("The budget."))

    assert (places(desk, "budged"), places(desk, "budget")) == ([], [("a.mp3", 0)])


def test_a_retagged_recording_is_found(desk: Desk) -> None:
    desk.bind("a.mp3", "c", packets="p")
    desk.transcribe(said("The budget."))

    desk.bind("a.mp3", "retagged", packets="p")

    assert places(desk, "budget") == [("a.mp3", 0)]


def test_no_more_than_the_limit_is_given(desk: Desk) -> None:
    for number in range(5):
        add(desk, f"{number}.mp3", f"The budget {number}.")

    assert len(found(desk, "budget", limit=3)) == 3


def test_the_transcripts_of_an_older_ledger_are_found_after_its_migration(tmp_path: Path) -> None:
    database = tmp_path / "ledger.sqlite3"
    first_search = next(version for version, sql in migrations().items() if "passages_index" in sql)
    db = connection.connect_writer(database)
    migrate(db, database, {version: sql for version, sql in migrations().items() if version < first_search})
    db.execute("INSERT INTO contents (sha256, state, first_seen_ms, changed_ms) VALUES (zeroblob(32), 'done', 1, 1)")
    db.execute("INSERT INTO paths (path, content_id) VALUES (CAST('/rec/a.mp3' AS BLOB), 1)")
    db.execute(
        """
        INSERT INTO results (content_id, generation, transcript, segments, duration_ms, model_id,
            settings_fingerprint, stored_ms) VALUES (1, 1, ?, 2, 10000, 'm', '', 1)
        """,
        (json.dumps(said("今天讨论预算", "Grüße").to_dict(), ensure_ascii=False),),
    )
    db.close()

    Ledger.open(database).close()

    with Reader.open(database) as reader:
        assert [hit.start_ms for word in ("预算", "gruße") for hit in reader.search([word], 9)] == [0, 5000]


def test_the_index_goes_with_the_content_and_stays_sound(desk: Desk) -> None:
    add(desk, "a.mp3", "The budget.", "预算")
    add(desk, "b.mp3", "Another budget.")
    db = desk.ledger._db
    for table in ("paths", "results", "events"):
        db.execute(f"DELETE FROM {table} WHERE content_id = 1")  # noqa: S608  literals above
    db.execute("DELETE FROM contents WHERE id = 1")

    db.execute("INSERT INTO passages_index (passages_index, rank) VALUES ('integrity-check', 1)")

    assert db.execute("SELECT count(*) FROM passages").fetchone()[0] == 1
    assert db.execute("SELECT count(*) FROM passages_index('budget')").fetchone()[0] == 1


def test_the_daemon_and_the_search_say_so_where_sqlite_has_no_full_text_search(
    tmp_path: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bare(sqlite3.Connection):
        """As of a SQLite that was built without FTS5."""

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("'fts5'", "'no such module'"), *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Bare))

    with pytest.raises(LedgerError, match=r"without full-text search \(FTS5\)"):
        Ledger.open(tmp_path / "ledger.sqlite3")
    with Reader.open(desk.database) as reader:
        assert list(reader.entries()) == []
        with pytest.raises(LedgerError, match="without full-text search"):
            reader.search(["budget"], 9)


def test_the_query_uses_the_index_for_its_order(desk: Desk) -> None:
    values = {"query": "x", "open": "(", "close": ")"}

    plan = [row["detail"] for row in desk.ledger._db.execute("EXPLAIN QUERY PLAN " + search._HITS, values)]

    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_the_form_of_the_index_looks_like_the_text() -> None:
    assert index_form("die 東京 AG\n").replace(SEAM, "|") == "die 東|京 AG "
    assert index_form("e\u0301\ud800\0") == "é  "
