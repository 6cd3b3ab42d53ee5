import pytest

from watcherd.engine.words import Piece, phrases, words


def pieces(*texts: str, pause_before: dict[int, float] | None = None) -> list[Piece]:
    """Each piece a tenth of a second long, one directly after another but for the pauses."""
    made: list[Piece] = []
    now_s = 0.0
    for number, text in enumerate(texts):
        now_s += (pause_before or {}).get(number, 0.0)
        made.append(Piece(text, round(now_s, 3), round(now_s + 0.1, 3), 0.5))
        now_s += 0.1
    return made


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([" The", " qu", "ick", " fox"], [" The", " quick", " fox"]),
        (["h", "i", " ", "y", "o", "u", " "], ["hi", " you"]),
        ([" Yes", ",", " no", "?!"], [" Yes,", " no?!"]),
        ([" Quoi", " ?", " Rien", "."], [" Quoi ?", " Rien."]),
        ([" said", ' "', "No", '."'], [" said", ' "No."']),
        ([" ¿", "Qué", "?"], [" ¿Qué?"]),
        ([" don", "'", "t"], [" don't"]),
        ([" well", "-", "known"], [" well-known"]),
        ([" 3", ".", "5", "%"], [" 3.5%"]),
        ([" for", " $", "5", " —", " #", "one"], [" for", " $5 —", " #one"]),
        ([" at", " -", "5", "°"], [" at", " -5°"]),
        (["今日", "は", "、", "雨", "。"], ["今日", "は、", "雨。"]),
        (["「", "は", "い", "」", "と"], ["「は", "い」", "と"]),
        (["ส", "วัส", "ดี"], ["ส", "วัส", "ดี"]),
        ([" 안", "녕", " 하"], [" 안녕", " 하"]),
        ([" ", "..."], [" ..."]),
        ([" "], []),
        ([], []),
    ],
)
def test_pieces_make_words(texts: list[str], expected: list[str]) -> None:
    assert [word.text for word in words(pieces(*texts))] == expected


def test_marks_have_neither_part_in_the_time_nor_in_the_probability_of_their_word() -> None:
    (word,) = words([Piece(" “", 0.0, 1.0, 0.1), Piece("Yes", 1.0, 1.5, 0.8), Piece("!", 1.5, 3.0, 0.1)])
    assert (word.start_s, word.end_s, word.probability) == (1.0, 1.5, 0.8)


def test_a_phrase_ends_with_its_sentence_and_at_a_pause() -> None:
    heard = words(pieces(" One", " two", ".", " Three", " four", pause_before={4: 0.7}))
    assert [(phrase.start_s, phrase.end_s, phrase.text) for phrase in phrases(heard)] == [
        (0.0, 0.2, "One two."),
        (0.3, 0.4, "Three"),
        (1.1, 1.2, "four"),
    ]


def test_nothing_said_is_no_phrase() -> None:
    assert phrases(words([])) == ()
