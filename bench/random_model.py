"""A checkpoint of a given shape with random weights, for machines that cannot have the model of that shape.

It costs what the real one costs and says as many tokens in every window, sure of each, so that nothing is read again.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from transformers import WhisperConfig, WhisperForConditionalGeneration, WhisperProcessor

from watcherd.engine.checkpoints import resolve

TOKENS: Final = 100
"""In every window; 28 s of English take about as many."""

PROMPT: Final = 3
"""Tokens before them: start, language, task."""

SHAPES: Final[Mapping[str, Mapping[str, int]]] = {
    "distil-large-v3": {
        "d_model": 1280,
        "encoder_layers": 32,
        "decoder_layers": 2,
        "encoder_attention_heads": 20,
        "decoder_attention_heads": 20,
        "encoder_ffn_dim": 5120,
        "decoder_ffn_dim": 5120,
        "num_mel_bins": 128,
    },
    "tiny": {
        "d_model": 64,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 128,
        "decoder_ffn_dim": 128,
        "num_mel_bins": 80,
    },
}
"""The default model's, and one for the tests. The vocabulary is that of Whisper base, one token short of large-v3's."""

BASIS: Final = "packaged:base"
"""Whose tokenizer and generation settings are taken."""

_SPREAD: Final = 40.0
"""Standard deviation of the scores: the best of 50,000 is then ahead of the second by several units."""


def make_random(shape: str, folder: Path) -> Path:
    """Write the checkpoint, float16, in the Hugging Face layout, and return the folder that it is in."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    basis = resolve(BASIS, download=False).folder
    known: dict[str, Any] = json.loads((basis / "config.json").read_text("utf-8"))
    context = PROMPT + TOKENS  # what cuts every window off at the same length, whoever decodes
    config = WhisperConfig(**known | dict(SHAPES[shape]) | {"max_target_positions": context})
    model: Any = WhisperForConditionalGeneration(config)  # transformers is untyped in part
    _make_talkative(model, int(known["eos_token_id"]))
    model.to(torch.float16).save_pretrained(folder)
    settings: dict[str, Any] = json.loads((basis / "generation_config.json").read_text("utf-8"))
    settings.pop("alignment_heads", None)
    (folder / "generation_config.json").write_text(json.dumps(settings | {"max_length": context}), "utf-8")
    processor: Any = WhisperProcessor.from_pretrained(basis)
    for path in basis.glob("tokenizer*"):
        shutil.copy(path, folder)
    extractor = type(processor.feature_extractor)(feature_size=config.num_mel_bins)
    extractor.save_pretrained(folder)
    return folder


@torch.no_grad()
def _make_talkative(model: Any, end_of_text: int) -> None:  # noqa: ANN401  transformers is untyped
    """Let what is said depend on the position alone, be different at each, and never be the end."""
    decoder = model.model.decoder
    decoder.embed_positions.weight.normal_()
    # The scores of all that is no text are zero, far below the best text; among equals the first timestamp wins.
    decoder.embed_tokens.weight[end_of_text:] = 0
    decoder.layer_norm.weight.fill_(_SPREAD / (model.config.init_std * model.config.d_model**0.5))
