import json
from pathlib import Path

import huggingface_hub.constants
import pytest

from tests.engine.model_files import fill, shard, weights
from watcherd.engine.checkpoints import on_disk, resolve
from watcherd.errors import EXIT_CONFIG, ModelUnavailableError

COMMIT = "a" * 40


def problem(model_id: str, *, download: bool = False) -> str:
    with pytest.raises(ModelUnavailableError) as error:
        resolve(model_id, download=download)
    assert error.value.exit_code == EXIT_CONFIG
    return str(error.value)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def snapshot(hub: Path) -> Path:
    """Of some/model, whole."""
    model = hub / "models--some--model"
    fill(model / "snapshots" / COMMIT)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMIT)
    return model / "snapshots" / COMMIT


@pytest.mark.parametrize("download", [False, True])
def test_a_model_in_the_hubs_cache_is_found_without_the_hub(snapshot: Path, download: bool) -> None:  # noqa: FBT001
    checkpoint = resolve("some/model", download=download)

    assert checkpoint.folder == snapshot
    assert (checkpoint.revision, checkpoint.family, checkpoint.english_only) == (COMMIT, "whisper", False)


def test_a_download_can_mend_what_the_hubs_cache_lacks_and_nothing_else(snapshot: Path, tmp_path: Path) -> None:
    assert on_disk("some/model") == resolve("some/model", download=False)
    (snapshot / "model.safetensors").unlink()
    assert on_disk("some/model") is None
    assert on_disk("another/model") is None
    with pytest.raises(ModelUnavailableError, match=r"no config\.json"):
        on_disk(str(tmp_path))
    with pytest.raises(ModelUnavailableError, match="there is no model"):
        on_disk("packaged:another")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("download", [False, True])
def test_a_model_that_cannot_be_had_is_told_with_the_command_that_brings_it_and_the_alternative(
    download: bool,  # noqa: FBT001
) -> None:
    said = problem("distil-whisper/distil-large-v3", download=download)
    assert "watcherd model fetch distil-whisper/distil-large-v3" in said
    assert "packaged:base" in said


def test_a_folder_with_a_model_is_taken(tmp_path: Path) -> None:
    fill(tmp_path / "mine")
    assert resolve(str(tmp_path / "mine"), download=False).folder == tmp_path / "mine"


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no weights as model.safetensors"),
        ("tokenizer.json", "lacks tokenizer.json or vocab.json"),
        ("preprocessor_config.json", "lacks preprocessor_config.json"),
    ],
)
def test_a_folder_that_is_not_whole_is_told_with_what_it_lacks(tmp_path: Path, missing: str, said: str) -> None:
    (fill(tmp_path) / missing).unlink()
    assert said in problem(str(tmp_path))


def test_weights_that_can_run_code_are_not_read(tmp_path: Path) -> None:
    (fill(tmp_path) / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    assert "can run code" in problem(str(tmp_path))


def test_weights_in_several_files_are_taken(tmp_path: Path) -> None:
    shard(fill(tmp_path))
    assert resolve(str(tmp_path), download=False).family == "whisper"


def test_a_missing_part_of_the_weights_is_told_by_its_name(tmp_path: Path) -> None:
    lost = shard(fill(tmp_path))[1]
    lost.unlink()
    assert f"lacks {lost.name}" in problem(str(tmp_path))


def test_weights_that_were_cut_off_are_told_before_they_are_loaded(tmp_path: Path) -> None:
    cut = fill(tmp_path) / "model.safetensors"
    cut.write_bytes(weights()[:-1])
    assert "cut off or damaged" in problem(str(tmp_path))


def test_a_model_with_code_of_its_own_is_not_run(tmp_path: Path) -> None:
    fill(tmp_path, model_type="homemade", auto_map={"AutoModel": "modeling_homemade.Model"})
    assert "Python code of its own" in problem(str(tmp_path))


def test_the_languages_of_a_model_are_those_it_has_tokens_for(tmp_path: Path) -> None:
    generation = {"is_multilingual": True, "lang_to_id": {"<|en|>": 1, "<|de|>": 2}}
    (fill(tmp_path) / "generation_config.json").write_text(json.dumps(generation))
    checkpoint = resolve(str(tmp_path), download=False)
    assert (checkpoint.multilingual, checkpoint.languages) == (True, ("en", "de"))


@pytest.mark.parametrize("model_id", ["packaged:huge", "packaged:"])
def test_an_unknown_packaged_model_is_told_with_the_known_ones(model_id: str) -> None:
    assert '"packaged:base", "packaged:tiny.en"' in problem(model_id)


@pytest.mark.parametrize("model_id", ["no such id", "a/b/c", "-x"])
def test_what_can_be_no_id_is_told_so(model_id: str) -> None:
    assert "is no Hub id" in problem(model_id)


@pytest.mark.parametrize(
    ("name", "config", "english_only"),
    [
        ("whisper-small", {}, False),
        ("whisper-small", {"vocab_size": 51864}, True),
        ("whisper-small.en", {}, True),
        ("mine", {"_name_or_path": "distil-whisper/distil-large-v3"}, True),
        ("distil-large-v3", {}, True),
        ("whisper-large-v3-distil-whisper-de", {}, False),
    ],
)
def test_a_model_of_english_alone_is_known_for_one(
    tmp_path: Path,
    name: str,
    config: dict[str, object],
    english_only: bool,  # noqa: FBT001
) -> None:
    assert resolve(str(fill(tmp_path / name, **config)), download=False).english_only is english_only
