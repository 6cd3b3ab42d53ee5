import pytest

from tests.sidecars.conftest import Shelf
from watcherd.config.languages import LANGUAGES, iso_639


@pytest.fixture
def named(shelf: Shelf) -> Shelf:
    """A folder whose subtitles have their language in their names."""
    shelf.language_suffix = True
    shelf.formats = ["srt", "vtt", "txt", "lrc"]
    return shelf


def test_subtitles_have_their_language_in_their_names_and_others_do_not(named: Shelf) -> None:
    named.record("talk.mp3", "Hello there.")
    named.publish()
    assert named.sidecars() == {"talk.en.srt", "talk.en.vtt", "talk.txt", "talk.lrc"}


def test_two_recordings_that_want_one_name_get_two_with_the_language(named: Shelf) -> None:
    named.formats = ["srt"]
    for name in ("a.mp3", "a.wav"):
        named.record(name, f"This is {name}.")
    named.publish()
    assert named.sidecars() == {"a.en.srt", "a.wav.en.srt"}


def test_a_language_that_nobody_knows_is_in_no_name(named: Shelf) -> None:
    named.language = None
    named.record("talk.mp3", "Hello there.")
    named.publish()
    assert named.sidecars() == {"talk.srt", "talk.vtt", "talk.txt", "talk.lrc"}


def test_a_long_name_is_cut_before_its_language(named: Shelf) -> None:
    named.formats = ["srt"]
    named.record("é" * 125 + ".wav", "Hello there.")
    named.publish()
    (sidecar,) = named.sidecars()
    assert sidecar == "é" * 124 + ".en.srt"


def test_another_language_takes_the_place_of_the_first(named: Shelf) -> None:
    named.record("talk.mp3", "Hello there.")
    named.publish()
    named.language = "de"
    named.redo("talk.mp3")
    assert named.sidecars() == {"talk.de.srt", "talk.de.vtt", "talk.txt", "talk.lrc"}


def test_subtitles_that_somebody_edited_stay_beside_those_in_another_language(named: Shelf) -> None:
    named.record("talk.mp3", "Hello there.")
    named.publish()
    (named.folder / "talk.en.srt").write_text("edited")
    named.language = "de"
    named.redo("talk.mp3")
    assert named.sidecars() == {"talk.en.srt", "talk.de.srt", "talk.de.vtt", "talk.txt", "talk.lrc"}
    assert named.text("talk.en.srt") == "edited"


def test_a_redo_after_the_setting_changed_renames_what_nobody_touched(named: Shelf) -> None:
    named.formats = ["srt"]
    named.language_suffix = False
    named.record("talk.mp3", "Hello there.")
    named.publish()
    named.language_suffix = True
    named.again("talk.mp3")
    assert named.sidecars() == {"talk.en.srt"}
    named.language_suffix = False
    named.redo("talk.mp3")
    assert named.sidecars() == {"talk.srt"}


def test_an_edited_one_gets_its_successor_beside_it_with_the_language_last(named: Shelf) -> None:
    named.formats = ["srt"]
    named.record("talk.mp3", "Hello there.")
    named.publish()
    (named.folder / "talk.en.srt").write_text("edited")
    named.redo("talk.mp3")
    assert named.sidecars() == {"talk.en.srt", "talk.watcherd-2.en.srt"}


def test_moved_subtitles_keep_their_language(named: Shelf) -> None:
    named.formats = ["srt"]
    recording = named.record("talk.mp3", "Hello there.")
    named.publish()
    recording.rename(named.folder / "speech.mp3")
    named.publish()
    assert named.sidecars() == {"speech.en.srt"}


def test_players_get_codes_that_are_in_iso_639() -> None:
    assert iso_639("jw") == "jv"
    assert {iso_639(code) for code in LANGUAGES} == (LANGUAGES.keys() - {"jw"}) | {"jv"}
