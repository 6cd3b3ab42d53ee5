import json
import sys
from pathlib import Path
from subprocess import run

import pytest

from tests.engine.model_files import fill
from watcherd.engine.checkpoints import resolve
from watcherd.engine.model_languages import MULTILINGUAL, refuse_languages, refuse_languages_of
from watcherd.errors import EXIT_CONFIG, ConfigError

ENGLISH = [
    "distil-whisper/distil-large-v3",
    "distil-whisper/distil-large-v3.5",
    "distil-whisper/distil-medium.en",
    "openai/whisper-small.en",
    "packaged:tiny.en",
    "/srv/models/whisper-base.en",
]


@pytest.mark.parametrize("model_id", ENGLISH)
def test_an_english_model_that_is_not_here_yet_refuses_other_languages_by_its_name(model_id: str) -> None:
    with pytest.raises(ConfigError) as refused:
        refuse_languages(model_id, {"model.language": "en", "watch[2].language": "de"})

    assert 'watch[2].language is "de" (german)' in str(refused.value)
    assert "model.language" not in str(refused.value)
    assert MULTILINGUAL in refused.value.remedy
    assert refused.value.exit_code == EXIT_CONFIG


@pytest.mark.parametrize("model_id", ENGLISH)
def test_an_english_model_takes_english_and_auto(model_id: str) -> None:
    refuse_languages(model_id, {"model.language": "auto", "watch[1].language": "en"})


@pytest.mark.parametrize(
    "model_id", ["openai/whisper-large-v3-turbo", "primeline/distil-whisper-large-v3-german", "packaged:base"]
)
def test_a_model_of_many_languages_that_is_not_here_yet_is_believed_to_know_them(model_id: str) -> None:
    refuse_languages(model_id, {"model.language": "de"})


def test_a_language_that_the_model_has_no_token_for_is_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path)
    codes = {"<|en|>": 50259, "<|de|>": 50261}
    (folder / "generation_config.json").write_text(json.dumps({"is_multilingual": True, "lang_to_id": codes}))
    refuse_languages(str(folder), {"model.language": "de"})

    with pytest.raises(ConfigError, match=r'watch\[1\]\.language is "yue" \(cantonese\)'):
        refuse_languages(str(folder), {"model.language": "de", "watch[1].language": "yue"})


def test_an_english_model_under_another_name_is_refused_once_its_files_are_here(tmp_path: Path) -> None:
    folder = fill(tmp_path, vocab_size=51864)

    with pytest.raises(ConfigError, match="writes English whatever is spoken"):
        refuse_languages_of(resolve(str(folder), download=False), {"model.language": "fr"})


def test_the_configuration_is_named_with_the_key() -> None:
    with pytest.raises(ConfigError, match=r"^/etc/watcherd/config\.toml: model\.language is"):
        refuse_languages("packaged:tiny.en", {"model.language": "de"}, file=Path("/etc/watcherd/config.toml"))


@pytest.mark.parametrize("command", [["run"], ["once"], ["check"], ["transcribe", "memo.wav"]])
def test_every_command_that_uses_the_model_refuses_at_once(tmp_path: Path, command: list[str]) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    config = tmp_path / "config.toml"
    config.write_text(f"""
        [model]
        id = "distil-whisper/distil-large-v3"
        language = "german"
        [[watch]]
        path = "{folder}"
        [ledger]
        path = "{tmp_path / "state" / "ledger.sqlite3"}"
    """)
    name, *rest = command

    done = run(
        [sys.executable, "-m", "watcherd", name, "-c", config, *rest], capture_output=True, text=True, check=False
    )

    assert done.returncode == EXIT_CONFIG
    assert 'model.language is "de" (german)' in done.stderr
    assert MULTILINGUAL in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_language_asked_for_on_the_command_line_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "watcherd", "transcribe", "memo.wav"]

    done = run(
        [*command, "--model", "packaged:tiny.en", "--language", "fr"],
        cwd=tmp_path,
        env=None,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == EXIT_CONFIG
    assert '--language is "fr" (french)' in done.stderr


def test_nothing_of_the_model_is_loaded_to_tell() -> None:
    script = (
        "import sys\nfrom watcherd.engine.model_languages import refuse_languages\n"
        "refuse_languages('openai/whisper-large-v3-turbo', {'model.language': 'de'})\n"
        "assert not {'torch', 'transformers'} & sys.modules.keys()"
    )
    run([sys.executable, "-c", script], check=True)
