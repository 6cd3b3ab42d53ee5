"""A Whisper model from CTranslate2's files to those of the Hugging Face layout, without torch."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from watcherd.engine.ctranslate2 import Weights

CONVERSION: Final = 2
"""Counts up when the result changes, so that folders which an earlier conversion made are made anew."""

TIMESTAMPS: Final = 1501
"""Tokens for 0.00 to 30.00 s in steps of 0.02 s, the last of every vocabulary."""

ENGLISH_VOCABULARY: Final = 51864
"""Tokens of the English-only models; the multilingual ones have more."""

Tensor = npt.NDArray[np.generic]


def convert(weights: Weights, described: Path, target: Path) -> None:
    """Write the model into the folder ``target``.

    Args:
        weights: the tensors by CTranslate2's names; they keep their number format.
        described: the folder with CTranslate2's config.json and the model's tokenizer.json.
        target: a folder that is there and empty.

    Raises:
        KeyError: a tensor, a token or an entry of config.json is missing.
    """
    theirs = _read(described / "config.json")
    tokenizer = _with_timestamps(_read(described / "tokenizer.json"), len(weights["decoder/embeddings/weight"]))
    save_file(dict(_state(weights)), target / "model.safetensors", {"format": "pt"})
    for name, content in {
        "config.json": _config(weights, tokenizer),
        "generation_config.json": _generation(weights, tokenizer, theirs),
        "preprocessor_config.json": _preprocessor(weights),
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": _tokenizer_config(tokenizer),
    }.items():
        (target / name).write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def _state(weights: Weights) -> Iterator[tuple[str, Tensor]]:
    """Every tensor under the name that transformers gives it. CTranslate2 stacks the projections of one attention."""
    yield from _both(weights, "encoder/conv1", "model.encoder.conv1")
    yield from _both(weights, "encoder/conv2", "model.encoder.conv2")
    yield "model.decoder.embed_tokens.weight", np.ascontiguousarray(weights["decoder/embeddings/weight"])
    for side in ("encoder", "decoder"):
        for number in range(_layers(weights, side)):
            yield from _layer(weights, f"{side}/layer_{number}", f"model.{side}.layers.{number}")
        yield from _norm(weights, f"{side}/layer_norm", f"model.{side}.layer_norm")
        yield f"model.{side}.embed_positions.weight", np.ascontiguousarray(_positions(weights, side))


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


def _layers(weights: Weights, side: str) -> int:
    return sum(re.fullmatch(rf"{side}/layer_\d+/ffn/linear_0/bias", name) is not None for name in weights)


def _positions(weights: Weights, side: str) -> Tensor:
    """Shape [positions, width]."""
    return weights[f"{side}/position_encodings/encodings"]


def _mel_bins(weights: Weights) -> int:
    """The first convolution has the shape [width, mel bins, 3]."""
    return int(weights["encoder/conv1/weight"].shape[1])


def _with_timestamps(tokenizer: dict[str, Any], vocabulary: int) -> dict[str, Any]:
    """The same with a name for every timestamp token; the English-only models come without."""
    named = {token["id"] for token in tokenizer["added_tokens"]}
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    first = vocabulary - TIMESTAMPS
    times = [
        {"id": first + step, "content": f"<|{step / 50:.2f}|>", **plain}
        for step in range(TIMESTAMPS)
        if first + step not in named
    ]
    return tokenizer | {"added_tokens": tokenizer["added_tokens"] + times}


def _ids(tokenizer: dict[str, Any]) -> dict[str, int]:
    """By name, all tokens that are not text."""
    return {token["content"]: token["id"] for token in tokenizer["added_tokens"]}


def _ends(tokenizer: dict[str, Any]) -> dict[str, int]:
    ids = _ids(tokenizer)
    end = ids["<|endoftext|>"]
    start = ids["<|startoftranscript|>"]
    return {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}


def _config(weights: Weights, tokenizer: dict[str, Any]) -> dict[str, Any]:
    embeddings = weights["decoder/embeddings/weight"]
    sides = ("encoder", "decoder")
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "dtype": str(embeddings.dtype),
        "vocab_size": embeddings.shape[0],
        "num_mel_bins": _mel_bins(weights),
        "d_model": embeddings.shape[1],
        "max_source_positions": len(_positions(weights, "encoder")),
        "max_target_positions": len(_positions(weights, "decoder")),
        "dropout": 0.0,
        "tie_word_embeddings": True,
        **{f"{side}_layers": _layers(weights, side) for side in sides},
        **{f"{side}_attention_heads": int(weights[f"{side}/num_heads"]) for side in sides},
        **{f"{side}_ffn_dim": len(weights[f"{side}/layer_0/ffn/linear_0/bias"]) for side in sides},
        **_ends(tokenizer),
    }


def _generation(weights: Weights, tokenizer: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    ids = _ids(tokenizer)
    names = {ident: name for name, ident in ids.items()}
    multilingual = len(weights["decoder/embeddings/weight"]) > ENGLISH_VOCABULARY
    prompts = {
        "lang_to_id": {names[ident]: ident for ident in theirs["lang_ids"]},
        "task_to_id": {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")},
    }
    return {
        "max_length": len(_positions(weights, "decoder")),
        "alignment_heads": theirs["alignment_heads"],
        "suppress_tokens": theirs["suppress_ids"],
        "begin_suppress_tokens": theirs["suppress_ids_begin"],
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "max_initial_timestamp_index": 50,  # OpenAI's: the first timestamp is 1.00 s at the latest
        "return_timestamps": False,
        "is_multilingual": multilingual,
        **(prompts if multilingual else {}),
        **_ends(tokenizer),
    }


def _preprocessor(weights: Weights) -> dict[str, Any]:
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
        "feature_size": _mel_bins(weights),
        "sampling_rate": 16000,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
    }


def _tokenizer_config(tokenizer: dict[str, Any]) -> dict[str, Any]:
    return {
        "tokenizer_class": "WhisperTokenizer",
        "processor_class": "WhisperProcessor",
        "model_max_length": 1024,
        # transformers takes the token after the last of these for 0.00 s.
        "extra_special_tokens": [token["content"] for token in tokenizer["added_tokens"] if token["special"]],
        **{f"{kind}_token": "<|endoftext|>" for kind in ("bos", "eos", "unk", "pad")},
    }
