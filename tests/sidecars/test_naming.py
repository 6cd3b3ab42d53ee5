import os
from itertools import islice
from pathlib import Path

import pytest

from watcherd.sidecars.naming import candidates, same_to_some_file_system, variants


def first(name: str | Path, count: int = 2, format_name: str = "srt") -> list[str]:
    return list(islice(candidates(Path(name), format_name), count))


@pytest.mark.parametrize(
    ("recording", "names"),
    [
        ("/rec/talk.mp3", ["talk.srt", "talk.mp3.srt", "talk.mp3.2.srt", "talk.mp3.3.srt"]),
        ("x.srt.mp3", ["x.srt.srt", "x.srt.mp3.srt", "x.srt.mp3.2.srt", "x.srt.mp3.3.srt"]),
        ("2026.01.02 10.30.wav", ["2026.01.02 10.30.srt", "2026.01.02 10.30.wav.srt"]),
        ("no ending", ["no ending.srt", "no ending.srt", "no ending.2.srt"]),
        ("two\nlines.mp3", ["two\nlines.srt"]),
    ],
)
def test_the_first_name_is_the_one_that_players_look_for(recording: str, names: list[str]) -> None:
    assert first(recording, len(names)) == names


def test_a_name_that_is_not_utf_8_keeps_its_bytes() -> None:
    recording = Path(os.fsdecode(b"/rec/caf\xe9 \xff.mp3"))
    assert [os.fsencode(name) for name in first(recording)] == [b"caf\xe9 \xff.srt", b"caf\xe9 \xff.mp3.srt"]


@pytest.mark.parametrize("letter", ["a", "é", "語", "😀", "\udcff"])
@pytest.mark.parametrize("length", range(240, 256))
def test_a_long_name_is_cut_at_a_character(letter: str, length: int) -> None:
    size = len(os.fsencode(letter))
    stem = letter * ((length - 4) // size)
    for name in [*first(stem + ".mp3", 4), *islice(variants(f"{stem}.srt", "srt"), 2)]:
        encoded = os.fsencode(name)
        assert len(encoded) <= 255
        assert name.endswith(".srt")
        assert set(name.split(".")[0]) == {letter}
        assert len(encoded) > 255 - size or len(os.fsencode(stem)) == len(os.fsencode(name.split(".")[0]))


def test_a_cut_does_not_take_the_accent_from_its_letter() -> None:
    name = first("x" * 250 + "e\u0301\u0302" + ".mp3", 1)[0]
    assert name == "x" * 250 + ".srt"


def test_a_shorter_limit_of_the_file_system_is_respected() -> None:
    assert next(candidates(Path("a" * 150 + ".mp3"), "srt", 143)) == "a" * 139 + ".srt"


def test_variants_stand_beside_the_sidecar() -> None:
    assert list(islice(variants("talk.srt", "srt"), 2)) == ["talk.watcherd-2.srt", "talk.watcherd-3.srt"]
    assert next(variants("talk.wav.txt", "txt")) == "talk.wav.watcherd-2.txt"


@pytest.mark.parametrize(("one", "other"), [("A.srt", "a.srt"), ("Café.srt", "cafe\u0301.srt"), ("STRASSE", "straße")])
def test_names_that_some_file_systems_take_for_one(one: str, other: str) -> None:
    assert same_to_some_file_system(one, other)


def test_other_names_are_other_names() -> None:
    assert not same_to_some_file_system("a.srt", "b.srt")
