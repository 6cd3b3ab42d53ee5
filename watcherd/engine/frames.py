"""What CTC models and transducers have in common: each token is heard at a place in the audio, so words have times."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from tokenizers.decoders import DecodeStream
from transformers import AutoFeatureExtractor, AutoTokenizer

from watcherd.engine.checkpoints import Checkpoint
from watcherd.engine.devices import Placement
from watcherd.engine.memory import fitting_batch, read_halving
from watcherd.engine.recognizer import Hints, Reading
from watcherd.engine.samples import SAMPLES_PER_S, Samples
from watcherd.engine.words import TimedToken, phrases, pieces, words
from watcherd.errors import DeviceUnavailableError, ModelUnavailableError

CPU_BATCH: Final = 4

WINDOW_BYTES: Final = 2**29
"""What a window takes on its way through the network, at most: the first convolution of a wav2vec2 makes 512 channels
of 90,000 numbers of it, and the next step holds them twice."""

HEADS: Final = ("lm_head", "ctc_head", "joint", "decoder")
"""How the parts are called that make text of what the encoder hears."""


@dataclass(frozen=True, slots=True)
class FrameToken:
    """A token and the frames in which it was heard."""

    ident: int
    start: int
    end: int
    """The frame after the last."""
    logprob: float


@dataclass(frozen=True, slots=True)
class Found:
    """All tokens of a window."""

    tokens: list[FrameToken]
    frames: int
    """How many the window has."""


class FrameRecognizer(ABC):
    """A model that writes down each token where it hears it, in whatever languages it was taught.

    It has no token for languages, so it can neither be told one nor tell one, and nothing that it is told of words.
    """

    AUTO_CLASS: Any
    """Of transformers: what loads the family's networks."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        placement: Placement,
        batch_size: int | None,
        *,
        accurate: bool = False,  # noqa: ARG002  these families have but one way to decode
        word_times: bool = False,  # noqa: ARG002  and always know them
    ) -> None:
        if placement.int8:
            raise DeviceUnavailableError(
                f'dtype = "int8" is for Whisper models, and {checkpoint.model_id} is of the family {checkpoint.family}',
                remedy='Set dtype = "auto" under [model]',
            )
        self.placement = placement
        self._model = self._load(checkpoint)
        self._extractor: Any = AutoFeatureExtractor.from_pretrained(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
            checkpoint.folder, trust_remote_code=False, local_files_only=True
        )
        self._tokenizer: Any = AutoTokenizer.from_pretrained(
            checkpoint.folder, trust_remote_code=False, local_files_only=True
        )
        if self._extractor.sampling_rate != SAMPLES_PER_S:
            raise ModelUnavailableError(
                f"the model {checkpoint.model_id} was made for audio of {self._extractor.sampling_rate} Hz",
                remedy=f"Choose one for {SAMPLES_PER_S} Hz as id under [model]",
            )
        # An alphabet's token between words counts as special, too.
        self._blank: int | None = getattr(self._tokenizer, "word_delimiter_token_id", None)
        self._silent = frozenset(self._tokenizer.all_special_ids) - {self._blank}
        self.languages: tuple[str, ...] = ("en",) if checkpoint.english_only else ()
        self.batch_size = batch_size or self._automatic_batch()

    @abstractmethod
    def find(self, batches: Sequence[dict[str, torch.Tensor]]) -> list[Found]:
        """The tokens of every window, in order; one batch holds the features of one window or more."""

    def detect_language(self, windows: Sequence[Samples]) -> str | None:  # noqa: ARG002  nothing in them tells it
        """The model's only language, if it is known to have but one."""
        return self.languages[0] if self.languages else None

    def usable(self, vocabulary: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002  whatever is in it
        """Nothing: there is no text before theirs."""
        return ()

    def read(self, windows: Sequence[Samples], hints: Sequence[Hints]) -> list[Reading]:
        """See ``Recognizer.read``; the hints are not used."""
        return read_halving(self, self._read_batch, windows, hints)

    def _read_batch(self, windows: Sequence[Samples], _: Sequence[Hints]) -> list[Reading]:
        with torch.inference_mode():
            found = self.find([self._features(together) for together in self._divided(windows)])
        return [self._reading(row, len(window) / SAMPLES_PER_S) for row, window in zip(found, windows, strict=True)]

    def _divided(self, windows: Sequence[Samples]) -> list[Sequence[Samples]]:
        """What goes through the network together.

        On a CPU each window goes alone, which is faster; everywhere, where the network was trained without a mask and
        would hear the silence that a shorter window is filled up with.
        """
        masked = bool(getattr(self._extractor, "return_attention_mask", False))
        together = masked and self.placement.device.type != "cpu"
        return [windows] if together else [[window] for window in windows]

    def _features(self, windows: Sequence[Samples]) -> dict[str, torch.Tensor]:
        features = self._extractor(list(windows), sampling_rate=SAMPLES_PER_S, padding=True, return_tensors="pt")
        return {
            name: values.to(self.placement.device, self.placement.dtype if values.is_floating_point() else values.dtype)
            for name, values in features.items()
        }

    def _load(self, checkpoint: Checkpoint) -> Any:  # noqa: ANN401  transformers leaves its models untyped
        model, told = self.AUTO_CLASS.from_pretrained(
            checkpoint.folder,
            dtype=self.placement.dtype,
            device_map={"": self.placement.device},  # accelerate loads each tensor straight onto the device
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
        if missing := sorted(key for key in told["missing_keys"] if key.startswith(HEADS)):
            raise ModelUnavailableError(
                f"the model {checkpoint.model_id} was not taught to write: its weights have no {missing[0]}",
                remedy="Choose one that was trained for speech recognition as id under [model]",
            )
        return model.eval()

    def _reading(self, found: Found, duration_s: float) -> Reading:
        # The network's strides divide a window evenly, but for less than a frame at its end.
        frame_s = duration_s / max(1, found.frames)
        said = [
            TimedToken(token.ident, token.start * frame_s, min(token.end * frame_s, duration_s), token.logprob)
            for token in found.tokens
            if token.ident not in self._silent
        ]
        logprobs = [token.logprob for token in found.tokens]
        avg_logprob = sum(logprobs) / len(logprobs) if logprobs else 0.0
        return Reading(phrases(words(pieces(said, self._speller()))), duration_s, avg_logprob)

    def _speller(self) -> Callable[[Sequence[int]], str | None]:
        """What the last token adds to the text of all before it; None while a character is not complete."""
        tokenizer, blank = self._tokenizer, self._blank
        if blank is not None:
            return lambda tokens: " " if tokens[-1] == blank else tokenizer.decode([tokens[-1]], group_tokens=False)
        stream = DecodeStream(skip_special_tokens=True)
        return lambda tokens: stream.step(tokenizer.backend_tokenizer, tokens[-1])

    def _automatic_batch(self) -> int:
        if self.placement.device.type == "cpu":
            return CPU_BATCH
        return fitting_batch(self.placement.device, WINDOW_BYTES)
