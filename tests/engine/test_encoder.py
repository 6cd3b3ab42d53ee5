"""Our encoder against transformers', on real and on random weights."""

from typing import Any

import pytest
import torch
from transformers import AutoModelForSpeechSeq2Seq, WhisperConfig, WhisperForConditionalGeneration

from watcherd.engine.checkpoints import resolve
from watcherd.engine.encoder import LARGEST_FLOAT16, AudioEncoder


def theirs(model: Any, features: torch.Tensor) -> torch.Tensor:
    hidden: torch.Tensor = model.get_encoder()(features).last_hidden_state
    return hidden


@pytest.fixture(scope="module")
def tiny() -> Any:
    return AutoModelForSpeechSeq2Seq.from_pretrained(resolve("packaged:tiny.en", download=False).folder).float().eval()


def small(dtype: torch.dtype = torch.float32) -> Any:
    """128 mel bands, as large-v3's children have."""
    torch.manual_seed(0)
    config = WhisperConfig(
        num_mel_bins=128,
        d_model=64,
        encoder_layers=2,
        encoder_attention_heads=4,
        encoder_ffn_dim=128,
        decoder_layers=1,
        decoder_attention_heads=4,
        decoder_ffn_dim=128,
        init_std=0.2,
    )
    return WhisperForConditionalGeneration(config).eval().to(dtype)  # type: ignore[no-untyped-call]


@torch.inference_mode()
def test_in_floats_it_hears_what_transformers_hears(tiny: Any) -> None:
    features = torch.randn(2, 80, 3000)
    torch.testing.assert_close(AudioEncoder(tiny, int8=False)(features), theirs(tiny, features), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_so_does_one_with_other_mel_bands() -> None:
    model, features = small(), torch.randn(1, 128, 3000)
    torch.testing.assert_close(AudioEncoder(model, int8=False)(features), theirs(model, features), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_half_precision_stays_finite_where_transformers_does() -> None:
    model, features = small(torch.float16), torch.randn(1, 128, 3000).half()
    for layer in model.get_encoder().layers:
        layer.fc2.bias.fill_(60_000)
    found, expected = AudioEncoder(model, int8=False)(features), theirs(model, features)
    assert bool(expected.isfinite().all())
    torch.testing.assert_close(found, expected, atol=0.01, rtol=0.01)
    assert torch.finfo(torch.float16).max - 1000 == LARGEST_FLOAT16


@torch.inference_mode()
def test_in_integers_it_hears_nearly_the_same(tiny: Any) -> None:
    features = torch.randn(1, 80, 3000)
    expected, found = theirs(tiny, features), AudioEncoder(tiny, int8=True)(features)
    assert float((found - expected).norm() / expected.norm()) < 0.06
