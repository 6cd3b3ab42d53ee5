"""What a GPU computes, in places that never change, against what a CPU computes; and that it can be recorded."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

from tests.engine.conftest import RATE, noise, silence
from watcherd.engine import fixed_greedy, fixed_hearing
from watcherd.engine.checkpoints import resolve
from watcherd.engine.devices import place
from watcherd.engine.encoder import AudioEncoder
from watcherd.engine.fixed_greedy import SHORT, FixedGreedyDecode
from watcherd.engine.fixed_hearing import FixedHearing
from watcherd.engine.hearing import HearingOnCpu
from watcherd.engine.logmel import LogMel
from watcherd.engine.recognizer import Hints, Reading
from watcherd.engine.recorded import WARM_UPS
from watcherd.engine.samples import Samples
from watcherd.engine.text_decoder import TextDecoder
from watcherd.engine.timestamp_rules import TimestampRules
from watcherd.engine.whisper import MAX_NEW_TOKENS, WhisperRecognizer

ROWS = 6
PLAIN = Hints("en")
NAMES = Hints("en", ("Netherfield", "Longbourn", "Kubernetes"))
MANY_NAMES = Hints("en", tuple(f"Netherfield {number}" for number in range(30)))


@pytest.fixture(scope="module")
def windows(speech: npt.NDArray[np.float32]) -> list[Samples]:
    """Speech of several lengths, noise and silence: rows that end long before and long after each other."""
    return [
        speech.copy(),
        speech[: 2 * RATE].copy(),
        noise(9, dbfs=-26).astype(np.float32),
        silence(3).astype(np.float32),
        speech[: 6 * RATE].copy(),
    ]


@pytest.fixture(scope="module", params=["packaged:tiny.en", "packaged:base"])
def on_cpu(request: pytest.FixtureRequest) -> WhisperRecognizer:
    return WhisperRecognizer(resolve(request.param, download=False), place("cpu", "float32"), ROWS)


def after_warming_up(compute: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """As a recording is made, which nothing that is computed later may show."""
    assert device.type == "cpu"
    for _ in range(WARM_UPS):
        compute()
    return compute


@pytest.fixture(scope="module")
def in_place(on_cpu: WhisperRecognizer) -> Iterator[WhisperRecognizer]:
    """The same model as a GPU would have it, computed by the CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixed_hearing, "recorded", after_warming_up)
        patch.setattr(fixed_greedy, "recorded", after_warming_up)
        yield in_fixed_places(on_cpu)


def in_fixed_places(on_cpu: WhisperRecognizer) -> WhisperRecognizer:
    checkpoint = resolve(on_cpu_model(on_cpu), download=False)
    recognizer = WhisperRecognizer(checkpoint, place("cpu", "float32"), ROWS)
    hearing, greedy = recognizer._hearing, recognizer._decode
    assert isinstance(hearing, HearingOnCpu)
    fixed = FixedHearing(hearing._log_mel, hearing._encoder, recognizer._decoder)
    recognizer._hearing = fixed
    recognizer._decode = FixedGreedyDecode(
        recognizer._decoder,
        greedy._rules,
        greedy._no_speech_id,
        tuple(greedy._language_places),
        heard=fixed.heard,
        most=MAX_NEW_TOKENS,
    )
    return recognizer


def on_cpu_model(recognizer: WhisperRecognizer) -> str:
    return "packaged:base" if len(recognizer.languages) > 1 else "packaged:tiny.en"


def alike(found: Sequence[Reading], expected: Sequence[Reading]) -> None:
    """The same texts at the same times, and the same numbers but for the last bits."""
    assert [reading.phrases for reading in found] == [reading.phrases for reading in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=1e-3)
        assert one.no_speech_prob == pytest.approx(other.no_speech_prob, abs=1e-4)
        assert one.language_prob == (other.language_prob and pytest.approx(other.language_prob, abs=1e-4))


@pytest.mark.parametrize(
    "hints",
    [[PLAIN] * 5, [PLAIN, NAMES, PLAIN, PLAIN, NAMES], [MANY_NAMES, PLAIN, NAMES, PLAIN, PLAIN]],
    ids=["no vocabulary", "one of two windows", "one that takes the larger room"],
)
def test_windows_read_as_on_a_cpu(
    on_cpu: WhisperRecognizer, in_place: WhisperRecognizer, windows: list[Samples], hints: list[Hints]
) -> None:
    found = in_place.read(windows, hints)
    alike(found, on_cpu.read(windows, hints))
    assert "cold wind" in found[0].text


def test_both_rooms_have_been_used(in_place: WhisperRecognizer) -> None:
    assert isinstance(in_place._decode, FixedGreedyDecode)
    assert set(in_place._decode._rooms) == {SHORT, in_place._decoder.context}


def test_a_step_can_be_recorded_after_a_text_that_was_cut_off(
    in_place: WhisperRecognizer, windows: list[Samples]
) -> None:
    """Recording takes steps of its own, and behind the last place for a token there is none."""
    before = in_place.read(windows[:2], [PLAIN] * 2)
    decode = in_place._decode
    assert isinstance(decode, FixedGreedyDecode)
    decode._rooms.clear()
    with torch.inference_mode():
        decode._rows._steps.fill_(MAX_NEW_TOKENS)
    assert in_place.read(windows[:2], [PLAIN] * 2) == before


def test_a_window_in_other_company_reads_the_same(in_place: WhisperRecognizer, windows: list[Samples]) -> None:
    together = in_place.read(windows, [PLAIN] * len(windows))
    assert in_place.read(windows[:1], [PLAIN]) == together[:1]


def test_fewer_rows_after_a_lack_of_memory(
    on_cpu: WhisperRecognizer, in_place: WhisperRecognizer, windows: list[Samples]
) -> None:
    in_place.batch_size = 3
    try:
        alike(in_place.read(windows[:3], [PLAIN] * 3), on_cpu.read(windows[:3], [PLAIN] * 3))
        assert isinstance(in_place._hearing, FixedHearing)
        assert len(in_place._hearing.heard[0][0]) == 3
    finally:
        in_place.batch_size = ROWS


def test_as_many_rows_elsewhere_in_memory(in_place: WhisperRecognizer, windows: list[Samples]) -> None:
    before = in_place.read(windows[:2], [PLAIN] * 2)
    hearing, decode = in_place._hearing, in_place._decode
    assert isinstance(hearing, FixedHearing)
    assert isinstance(decode, FixedGreedyDecode)
    recorded_for, elsewhere = decode._rooms.copy(), [(keys.clone(), values.clone()) for keys, values in hearing.heard]
    hearing.heard[:] = elsewhere
    assert in_place.read(windows[:2], [PLAIN] * 2) == before
    assert decode._rooms[SHORT] is not recorded_for[SHORT]


def test_the_language_is_told_as_on_a_cpu(
    on_cpu: WhisperRecognizer, in_place: WhisperRecognizer, windows: list[Samples]
) -> None:
    assert in_place.detect_language(windows[:2]) == on_cpu.detect_language(windows[:2]) == "en"


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What is to be recorded, computed call by call instead."""
    made: list[Callable[[], None]] = []

    def noted(compute: Callable[[], None], device: torch.device) -> Callable[[], None]:
        assert device == NOWHERE
        made.append(compute)
        return compute

    monkeypatch.setattr(fixed_hearing, "recorded", noted)
    monkeypatch.setattr(fixed_greedy, "recorded", noted)
    return made


NOWHERE = torch.device("meta")
"""A device whose tensors have shapes and number formats, but no values that one could ask for. Like a GPU's they cannot
be mixed with those of a CPU."""


def test_what_is_recorded_stays_on_the_gpu_and_asks_for_no_value(
    recordings: list[Callable[[], None]],
) -> None:
    """Each of these ends a recording: a copy from or to the host, a value that decides what comes next."""
    config = WhisperConfig(
        d_model=64,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
    )
    with NOWHERE:
        model: Any = WhisperForConditionalGeneration(config)
    model.to(torch.float16)
    settings = model.generation_config
    settings.no_timestamps_token_id = 50363
    settings.suppress_tokens, settings.begin_suppress_tokens = [1, 2, 7], [220, 50257]
    decoder = TextDecoder(model, int8=False, heard_dtype=torch.float16)
    extractor: Any = WhisperFeatureExtractor(feature_size=80)  # type: ignore[no-untyped-call]
    hearing = FixedHearing(LogMel(extractor, NOWHERE), AudioEncoder(model, int8=False), decoder)
    rules = TimestampRules(settings, decoder.vocabulary, NOWHERE)
    decode = FixedGreedyDecode(decoder, rules, None, (), heard=hearing.heard, most=MAX_NEW_TOKENS)
    with torch.inference_mode():
        hearing.heard += decoder.room(ROWS)
        hearing._hear_one()
        decode._take_memory()
        assert decode._rows.open.device == NOWHERE
        decode._room(SHORT).step()
        decode._room(decoder.context).step()
    assert len(recordings) == 2
