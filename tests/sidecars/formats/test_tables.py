import csv
from io import StringIO

import pytest

from tests.sidecars.renderings import CONVERSATION, LANGUAGES, MARKUP, SILENCE, in_language, text
from watcherd.transcript import Transcript


def rows(transcript: Transcript) -> list[list[str]]:
    table = StringIO(text("tsv", transcript), newline="")
    return list(csv.reader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_segment_is_a_row_with_its_times_in_milliseconds(language: str) -> None:
    names, *found = rows(in_language(language))
    words = LANGUAGES[language].replace("\t", " ")
    assert names == ["start", "end", "text"]
    assert found == [["0", "9000", words], ["20000", "29000", words], ["40000", "49000", words]]


def test_a_tab_makes_no_column() -> None:
    assert "\t" in MARKUP
    assert {len(row) for row in rows(in_language("en"))} == {3}


def test_who_speaks_is_a_column_where_it_is_known() -> None:
    assert rows(CONVERSATION)[:2] == [["start", "end", "text", "speaker"], ["0", "3000", "How are you?", "Anna & Co"]]


def test_without_speech_there_are_the_names_of_the_columns() -> None:
    assert text("tsv", SILENCE) == "start\tend\ttext\n"
