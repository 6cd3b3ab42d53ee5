"""The files of a model, as far as they are looked at before it is loaded."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save, save_file


def weights(*names: str) -> bytes:
    """A safetensors file with small tensors of these names."""
    return save({name: np.zeros(8, np.float16) for name in names or ("tensor",)})


def contents(**config: object) -> dict[str, bytes]:
    """A whole model by the names of its files, no two of them alike: the Hub's cache would keep those as one."""
    return {
        "config.json": json.dumps({"model_type": "whisper", "vocab_size": 51866} | config).encode(),
        "model.safetensors": weights(),
        "tokenizer.json": b'{"version": "1.0"}',
        "preprocessor_config.json": b'{"feature_size": 128}',
    }


def fill(folder: Path, **config: object) -> Path:
    """Write a whole model into the folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents(**config).items():
        (folder / name).write_bytes(content)
    return folder


def shard(folder: Path) -> list[Path]:
    """Replace the folder's weights by two files and their index; return the two."""
    (folder / "model.safetensors").unlink()
    parts = [folder / f"model-{number:05}-of-00002.safetensors" for number in (1, 2)]
    for part in parts:
        save_file({part.name: np.zeros(8, np.float16)}, part)
    index = {"metadata": {}, "weight_map": {part.name: part.name for part in parts}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return parts
