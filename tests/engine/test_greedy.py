"""Our greedy decode against transformers' ``generate``, token by token, on real and on random weights."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import (
    AutoModelForSpeechSeq2Seq,
    AutoProcessor,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    WhisperConfig,
    WhisperForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput

from tests.engine.conftest import RATE, noise, silence
from watcherd.engine.checkpoints import resolve
from watcherd.engine.greedy import Decoded, GreedyDecode
from watcherd.engine.logmel import LogMel
from watcherd.engine.samples import Samples
from watcherd.engine.text_decoder import TextDecoder
from watcherd.engine.timestamp_rules import TimestampRules

CPU = torch.device("cpu")
MOST = 220


class Checkpoint:
    """A packaged checkpoint, with transformers' decode and ours."""

    def __init__(self, model_id: str) -> None:
        folder = resolve(model_id, download=False).folder
        self.model: Any = AutoModelForSpeechSeq2Seq.from_pretrained(folder, dtype=torch.float32).eval()
        processor: Any = AutoProcessor.from_pretrained(folder)  # type: ignore[no-untyped-call]
        self.tokenizer = processor.tokenizer
        self.log_mel = LogMel(processor.feature_extractor, CPU)
        self.settings = self.model.generation_config
        self.no_speech_id: int = self.settings.no_timestamps_token_id - 1  # in every Whisper vocabulary
        self.decode = ours(self.model, no_speech_id=self.no_speech_id)

    def encode(self, windows: Sequence[Samples]) -> torch.Tensor:
        with torch.inference_mode():
            features = torch.stack([self.log_mel(window) for window in windows])
            encoded: torch.Tensor = self.model.get_encoder()(features).last_hidden_state
            return encoded

    def prompt(self, language: str) -> list[int]:
        start = [self.settings.decoder_start_token_id]
        if self.settings.is_multilingual:
            start += [self.settings.lang_to_id[f"<|{language}|>"], self.settings.task_to_id["transcribe"]]
        return start

    def generate(self, encoded: torch.Tensor, languages: Sequence[str], **options: Any) -> list[tuple[int, ...]]:
        if self.settings.is_multilingual:
            options |= {"language": list(languages), "task": "transcribe"}
        return generated(self.model, encoded, len(self.prompt(languages[0])), **options)

    def text(self, decoded: Decoded) -> str:
        return str(self.tokenizer.decode([token for token in decoded.tokens if token < self.settings.eos_token_id]))


def ours(model: Any, no_speech_id: int | None) -> GreedyDecode:
    decoder = TextDecoder(model, int8=False, heard_dtype=torch.float32)
    return GreedyDecode(decoder, TimestampRules(model.generation_config, decoder.vocabulary, CPU), no_speech_id)


def decode(
    decode: GreedyDecode, encoded: torch.Tensor, prompts: Sequence[Sequence[int]], most: int = MOST
) -> list[Decoded]:
    with torch.inference_mode():
        return decode(decode._decoder.hear(encoded), prompts, most)


def generated(model: Any, encoded: torch.Tensor, prompt_length: int, **options: Any) -> list[tuple[int, ...]]:
    """What ``generate`` chose, without prompt and end of the text."""
    tokens = model.generate(
        encoder_outputs=BaseModelOutput(last_hidden_state=encoded.clone()),
        return_timestamps=True,
        num_beams=1,
        do_sample=False,
        force_unique_generate_call=True,
        **{"max_new_tokens": MOST} | options,
    )
    end = model.generation_config.eos_token_id
    start = model.generation_config.decoder_start_token_id
    rows = [row[prompt_length:] if row[0] == start else row for row in tokens.tolist()]
    return [tuple(row[: row.index(end)] if end in row else row) for row in rows]


@pytest.fixture(scope="module")
def checkpoints() -> Callable[[str], Checkpoint]:
    return cache(Checkpoint)


@pytest.fixture(scope="module", params=["packaged:tiny.en", "packaged:base"])
def checkpoint(request: pytest.FixtureRequest, checkpoints: Callable[[str], Checkpoint]) -> Checkpoint:
    return checkpoints(request.param)


@pytest.fixture(scope="module")
def encoded(checkpoint: Checkpoint, speech: npt.NDArray[np.float32]) -> torch.Tensor:
    """Speech of several lengths, noise and silence: rows that end long before and long after each other."""
    return checkpoint.encode(
        [
            np.concatenate([speech, speech]),
            speech[: 2 * RATE].copy(),
            noise(9, dbfs=-26).astype(np.float32),
            silence(3).astype(np.float32),
            speech[4 * RATE : 9 * RATE].copy(),
        ]
    )


LONG, SHORT, NOISE, SILENCE, _ = range(5)


@pytest.fixture(scope="module")
def found(checkpoint: Checkpoint, encoded: torch.Tensor) -> list[Decoded]:
    return decode(checkpoint.decode, encoded, [checkpoint.prompt("en")] * len(encoded))


def test_every_row_of_a_batch_has_the_tokens_of_generate(
    checkpoint: Checkpoint, encoded: torch.Tensor, found: list[Decoded]
) -> None:
    assert [row.tokens for row in found] == checkpoint.generate(encoded, ["en"] * len(encoded))
    lengths = sorted(len(row.tokens) for row in found)
    assert lengths[0] < 10
    assert lengths[-1] > 60
    assert checkpoint.text(found[LONG]).endswith("a cold wind came up from the river.")


def test_a_row_alone_has_the_same_tokens(checkpoint: Checkpoint, encoded: torch.Tensor, found: list[Decoded]) -> None:
    (alone,) = decode(checkpoint.decode, encoded[SHORT : SHORT + 1], [checkpoint.prompt("en")])
    assert alone.tokens == found[SHORT].tokens


def test_a_row_is_cut_off_where_generate_cuts_it_off(checkpoint: Checkpoint, encoded: torch.Tensor) -> None:
    two = encoded[:2]
    cut = decode(checkpoint.decode, two, [checkpoint.prompt("en")] * 2, most=15)
    assert [row.tokens for row in cut] == checkpoint.generate(two, ["en"] * 2, max_new_tokens=15)
    assert len(cut[LONG].tokens) == 15


def test_a_model_without_a_token_for_silence_says_nothing_of_it(
    checkpoint: Checkpoint, encoded: torch.Tensor, found: list[Decoded]
) -> None:
    without = ours(checkpoint.model, no_speech_id=None)
    (alone,) = decode(without, encoded[SHORT : SHORT + 1], [checkpoint.prompt("en")])
    assert alone.tokens == found[SHORT].tokens
    assert alone.no_speech_prob is None


def test_logprobs_are_those_of_generate_s_scores(
    checkpoint: Checkpoint, encoded: torch.Tensor, found: list[Decoded]
) -> None:
    watcher = Watcher()
    checkpoint.generate(encoded[SHORT : SHORT + 1], ["en"], logits_processor=LogitsProcessorList([watcher]))
    assert found[SHORT].avg_logprob == pytest.approx(sum(watcher.chosen) / len(watcher.chosen), abs=1e-4)


class Watcher(LogitsProcessor):
    """Notes the log probability of every token that greedy search will choose, the end of the text with them."""

    def __init__(self) -> None:
        self.chosen: list[float] = []

    def __call__(
        self,
        input_ids: torch.LongTensor,  # noqa: ARG002  the interface has it
        scores: torch.FloatTensor,
    ) -> torch.FloatTensor:
        self.chosen.append(float(scores.log_softmax(-1).max()))
        return scores


def test_silence_looks_like_no_speech_and_speech_does_not(found: list[Decoded]) -> None:
    spoken, silent = found[LONG].no_speech_prob, found[SILENCE].no_speech_prob
    assert spoken is not None
    assert silent is not None
    assert spoken < 0.1
    assert silent > 0.6


def test_no_speech_is_what_the_model_says_after_the_start_token(
    checkpoint: Checkpoint, encoded: torch.Tensor, found: list[Decoded]
) -> None:
    start = torch.full((len(encoded), 1), checkpoint.settings.decoder_start_token_id)
    with torch.inference_mode():
        logits = checkpoint.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded), decoder_input_ids=start
        ).logits[:, -1]
        scores = checkpoint.decode.start_scores(checkpoint.decode._decoder.hear(encoded), int(start[0, 0]))
    expected = logits.softmax(-1)[:, checkpoint.no_speech_id].tolist()
    assert [row.no_speech_prob for row in found] == pytest.approx(expected, abs=1e-4)
    torch.testing.assert_close(scores, logits, atol=1e-3, rtol=1e-4)


def test_each_row_is_read_in_its_own_language(
    checkpoints: Callable[[str], Checkpoint], speech: npt.NDArray[np.float32]
) -> None:
    base = checkpoints("packaged:base")
    languages = ["en", "de", "es"]
    encoded = base.encode([speech[: 3 * RATE].copy()]).repeat(len(languages), 1, 1)
    found = decode(base.decode, encoded, [base.prompt(language) for language in languages])
    assert [row.tokens for row in found] == base.generate(encoded, languages)
    assert len({row.tokens for row in found}) == len(languages)


@pytest.mark.parametrize("decoder_layers", [2, 4])
def test_a_small_network_of_the_shape_of_large_v3_s_children_decodes_as_generate_does(decoder_layers: int) -> None:
    """distil-large-v3 and large-v3-turbo: 128 mel bands, few decoder layers, another vocabulary; random weights."""
    torch.manual_seed(decoder_layers)
    config = WhisperConfig(
        vocab_size=51866,
        num_mel_bins=128,
        d_model=64,
        encoder_layers=2,
        encoder_attention_heads=4,
        encoder_ffn_dim=128,
        decoder_layers=decoder_layers,
        decoder_attention_heads=4,
        decoder_ffn_dim=128,
        init_std=0.2,
        decoder_start_token_id=50258,
        eos_token_id=50257,
        pad_token_id=50257,
        bos_token_id=50257,
    )
    model = WhisperForConditionalGeneration(config).eval()  # type: ignore[no-untyped-call]
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        decoder_start_token_id=50258,
        eos_token_id=50257,
        pad_token_id=50257,
        bos_token_id=50257,
        no_timestamps_token_id=50364,
        is_multilingual=True,
        lang_to_id={"<|en|>": 50259, "<|de|>": 50261},
        task_to_id={"transcribe": 50360, "translate": 50359},
        suppress_tokens=[*range(20), *range(50258, 50364)],
        begin_suppress_tokens=[220, 50257],
        max_initial_timestamp_index=50,
    )
    with torch.inference_mode():
        encoded = model.get_encoder()(torch.randn(4, 128, 3000)).last_hidden_state
    languages = ["en", "de", "en", "de"]
    theirs = generated(model, encoded, 3, max_new_tokens=60, language=languages, task="transcribe")
    prompts = [[50258, 50259 if language == "en" else 50261, 50360] for language in languages]
    found = decode(ours(model, no_speech_id=50363), encoded, prompts, most=60)
    assert [row.tokens for row in found] == theirs
    assert len({row.tokens for row in found}) == 4
