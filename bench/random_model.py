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

_BLOCK: Final = 1_000_003
"""So many numbers are drawn. It is a prime, so that no two rows of a matrix begin at the same of them."""


def make_random(shape: str, folder: Path) -> Path:
    """Write the checkpoint, float16, in the Hugging Face layout, and return the folder that it is in."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    basis = resolve(BASIS, download=False).folder
    known: dict[str, Any] = json.loads((basis / "config.json").read_text("utf-8"))
    context = PROMPT + TOKENS  # what cuts every window off at the same length, whoever decodes
    config = WhisperConfig(**known | dict(SHAPES[shape]) | {"max_target_positions": context})
    model = _unfilled(config)
    _fill(model)
    _make_talkative(model, int(known["eos_token_id"]))
    model.save_pretrained(folder)
    settings: dict[str, Any] = json.loads((basis / "generation_config.json").read_text("utf-8"))
    settings.pop("alignment_heads", None)
    (folder / "generation_config.json").write_text(json.dumps(settings | {"max_length": context}), "utf-8")
    processor: Any = WhisperProcessor.from_pretrained(basis)
    for path in basis.glob("tokenizer*"):
        shutil.copy(path, folder)
    extractor = type(processor.feature_extractor)(feature_size=config.num_mel_bins)
    extractor.save_pretrained(folder)
    return folder


def _unfilled(config: WhisperConfig) -> Any:  # noqa: ANN401  transformers is untyped
    """The model in float16, whatever is in its memory: transformers' own start takes far longer than all the rest."""
    with torch.device("meta"):
        model: Any = WhisperForConditionalGeneration(config)
    model.to(torch.float16).to_empty(device="cpu")
    model.tie_weights()
    return model


@torch.no_grad()
def _fill(model: Any) -> None:  # noqa: ANN401
    """Give all weights the spread that a model is trained from, out of one block of numbers read in a circle."""
    block = (torch.randn(_BLOCK) * model.config.init_std).to(torch.float16)
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.dim() == 1:
                parameter.fill_(1 if isinstance(module, torch.nn.LayerNorm) and name == "weight" else 0)
                continue
            for part in parameter.view(-1).split(_BLOCK):
                part.copy_(block[: len(part)])
            block = block.roll(-len(part))


@torch.no_grad()
def _make_talkative(model: Any, end_of_text: int) -> None:  # noqa: ANN401  transformers is untyped
    """Let what is said depend on the position alone, be different at each, and never be the end."""
    decoder = model.model.decoder
    decoder.embed_positions.weight.normal_()
    # The scores of all that is no text are zero, far below the best text; among equals the first timestamp wins.
    decoder.embed_tokens.weight[end_of_text:] = 0
    decoder.layer_norm.weight.fill_(_SPREAD / (model.config.init_std * model.config.d_model**0.5))
