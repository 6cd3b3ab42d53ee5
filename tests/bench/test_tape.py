import gzip
import subprocess
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.prompts import VOICES, prompts
from bench.sounds import INTERLUDES, level
from bench.speech import Clip, Speech, speech
from bench.tape import tape
from tests.conftest import Speaker
from tests.engine.conftest import RATE, noise

CLIPS = tuple(Clip(noise(2 + word, dbfs=-20, seed=word).astype(np.float32), f"word{word}") for word in range(3))
SPEECH = Speech(CLIPS, "en", "nobody")


def test_the_same_seed_gives_the_same_tape_and_another_seed_another() -> None:
    first, again, other = (tape(SPEECH, 60, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.samples, again.samples)
    assert (first.words, first.spoken) == (again.words, again.spoken)
    assert first.words != other.words


def test_a_tape_knows_each_of_its_words_and_where_it_is_said() -> None:
    made = tape(SPEECH, 120, seed=1)
    assert made.duration_s >= 120
    assert len(made.words.split()) == len(made.spoken)
    assert set(made.words.split()) == {"word0", "word1", "word2"}
    assert made.spoken[0][0] > 2
    assert made.spoken[-1][1] < made.duration_s - 2
    assert all(end < start for (_, end), (start, _) in pairwise(made.spoken))
    for word, (start, end) in zip(made.words.split(), made.spoken, strict=True):
        assert end - start == pytest.approx(2 + int(word[-1]), rel=0.1)
        assert np.abs(made.samples[int(start * RATE) : int(end * RATE)]).max() > 0.02


def test_a_clip_comes_again_after_others_only() -> None:
    words = tape(SPEECH, 120, seed=1).words.split()
    assert all(len(set(words[place : place + 3])) == 3 for place in range(len(words) - 2))


def test_a_tape_is_written_as_it_is(tmp_path: Path) -> None:
    made = tape(SPEECH, 20, seed=1)
    made.write(tmp_path / "tape.wav")
    with wave.open(str(tmp_path / "tape.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (RATE, 1, len(made.samples))
        written = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    assert np.abs(written - made.samples).max() < 1e-4


@pytest.mark.parametrize("kind", INTERLUDES)
def test_what_is_between_the_speech_has_the_length_and_level_that_is_asked(kind: str) -> None:
    samples = level(INTERLUDES[kind](3 * RATE, np.random.default_rng(1)), -30)
    assert len(samples) == 3 * RATE
    assert np.isfinite(samples).all()
    assert bool(samples.any()) is (kind != "silence")
    if samples.any():
        assert 20 * np.log10(np.sqrt(np.mean(samples**2))) == pytest.approx(-30, abs=0.1)


def test_the_recordings_of_a_folder_are_taken_with_the_words_of_its_table(tmp_path: Path, speak: Speaker) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "a.wav").symlink_to(speak("some words, spoken"))
    rows = (
        "| file | words | source |",
        "|---|---|---|",
        "| a.wav | some words, spoken | us |",
        "| missing.wav | no | us |",
    )
    (tmp_path / "README.md").write_text("# Speech\n\n" + "\n".join(rows))
    found = speech("en", tmp_path, tmp_path)
    assert found.source == "recorded speech (1 clips)"
    assert [clip.words for clip in found.clips] == ["some words, spoken"]
    assert len(found.clips[0].samples) > RATE


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_without_recordings_sentences_are_synthesised_and_said_to_be(language: str, tmp_path: Path) -> None:
    found = speech(language, tmp_path, tmp_path)
    assert "synthesised" in found.source
    assert len(found.clips) == 16
    assert all(len(clip.samples) > 2 * RATE for clip in found.clips)


def test_installed_prompts_are_taken_where_they_are_sentences(tmp_path: Path, speak: Speaker) -> None:
    said = "por favor ingrese su clave"
    sounds, doc = tmp_path / "asterisk" / "sounds" / VOICES["es"], tmp_path / "doc" / "asterisk-core-sounds-es"
    sounds.mkdir(parents=True)
    doc.mkdir(parents=True)
    listed = (
        "; Spanish",
        f"pin: {said}",
        f"pin-again: {said}",
        "bye: adiós",
        "menu: por favor marque 1 o 2 ahora",
        "keys: por favor marque * para salir",
        "spelled: M I S D N",
        f"mismatch: {said} {said} {said} {said}",
        "",
    )
    (doc / "core-sounds-es.txt.gz").write_bytes(gzip.compress("\n".join(listed).encode()))
    for name in ("pin", "pin-again", "bye", "menu", "keys", "spelled", "mismatch"):
        target = ["-ar", str(RATE), "-ac", "1", str(sounds / f"{name}.g722")]
        source = ["-i", str(speak(said, voice="es"))]
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *source, *target], check=True)
    found = speech("es", tmp_path, tmp_path)
    assert found.source == "telephone prompts (1 clips)"
    assert [clip.words for clip in found.clips] == [said]
    assert len(found.clips[0].samples) > RATE


def test_what_is_misspelt_in_the_list_is_put_right(tmp_path: Path) -> None:
    sounds, doc = tmp_path / "asterisk" / "sounds" / VOICES["en"], tmp_path / "doc" / "asterisk-core-sounds-en"
    sounds.mkdir(parents=True)
    doc.mkdir(parents=True)
    (sounds / "all-busy.g722").write_bytes(bytes(4 * 8000))
    line = "all-busy: All of our represenatives are currently busy."
    (doc / "core-sounds-en.txt.gz").write_bytes(gzip.compress(line.encode()))
    assert prompts("en", tmp_path) == {sounds / "all-busy.g722": "All of our representatives are currently busy."}


def test_a_language_without_any_speech_is_refused_with_the_package_that_has_some(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="asterisk-core-sounds-it"):
        speech("it", tmp_path, tmp_path)
