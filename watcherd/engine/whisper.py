"""Whisper, distil-Whisper and Whisper-turbo checkpoints as recognizers."""

import zlib
from collections.abc import Sequence
from math import ceil
from typing import Any

import torch
from transformers import AutoModelForSpeechSeq2Seq, AutoProcessor

from watcherd.engine.alignment import Alignment
from watcherd.engine.beam import BEAMS, BeamDecode
from watcherd.engine.checkpoints import Checkpoint
from watcherd.engine.compiled import library
from watcherd.engine.devices import Placement
from watcherd.engine.encoder import AudioEncoder
from watcherd.engine.fixed_greedy import FixedGreedyDecode
from watcherd.engine.fixed_hearing import FixedHearing
from watcherd.engine.greedy import Decoded, GreedyDecode
from watcherd.engine.hearing import Hearing, HearingOnCpu
from watcherd.engine.logmel import LogMel
from watcherd.engine.memory import fitting_batch, read_halving
from watcherd.engine.processor import processor_has
from watcherd.engine.recognizer import Hints, Phrase, Reading
from watcherd.engine.samples import SAMPLES_PER_S, Samples
from watcherd.engine.text_decoder import TextDecoder
from watcherd.engine.timestamp_rules import TimestampRules
from watcherd.engine.vocabulary import spoken
from watcherd.engine.words import TimedToken, pieces, words

MAX_NEW_TOKENS = 220
"""Per window. 29.5 s of fast English take about 120 tokens; a loop is cut off here instead of at the model's 448."""

NO_SPEECH_TOKENS = ("<|nospeech|>", "<|nocaptions|>")
"""The token that means silence: its name since large-v3, and the one before."""

BEFORE = "<|startofprev|>"
"""The token before the text that a window is a continuation of: its recording's vocabulary.

Not the text of the window before it, for which windows would have to wait for each other. With the last 223 tokens of
that, with their timestamps and without, or the last 64 with them, Whisper base got 477 to 496 of 3,303 French words
wrong instead of 476, and 304 to 313 of 3,088 Spanish ones instead of 305 (beam search).
"""

SECONDS_PER_TIMESTAMP = 0.02
SECONDS_PER_FRAME = 0.02
"""Of what the encoder makes of a window."""

CPU_BATCH = 8
CPU_BATCH_OF_SMALL = 16
"""For models up to ``SMALL_WIDTH``. Most of a decoding step is what it costs for a single window. 24 were up to a tenth
faster, but then ten hours took 313 MB more memory than ten minutes, which fill no such batch. Larger models spend their
time in the encoder, and there a memo would wait for many windows of somebody else's for minutes."""

SMALL_WIDTH = 512
"""Of the base model; its cache of what was heard takes 18 MB a window."""

SCORES_AT_ONCE = 6
"""Scores, their probabilities and what lies between them, of each row of a GPU's step."""


class WhisperRecognizer:
    """A Whisper checkpoint: one encoder pass a window, then one batched decode with timestamps."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        placement: Placement,
        batch_size: int | None,
        *,
        accurate: bool = False,
        word_times: bool = False,
    ) -> None:
        self.placement = placement
        on_cpu = placement.device.type == "cpu"
        model: Any = AutoModelForSpeechSeq2Seq.from_pretrained(
            checkpoint.folder,
            dtype=placement.dtype,
            device_map={"": placement.device},  # accelerate loads each tensor straight onto the device
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        ).eval()
        processor: Any = AutoProcessor.from_pretrained(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
            checkpoint.folder, trust_remote_code=False, local_files_only=True
        )
        self._tokenizer = processor.tokenizer
        log_mel = LogMel(processor.feature_extractor, placement.device)
        self._config = model.config
        generation = model.generation_config
        # They take copies of their own of what they change; with this frame the model's go.
        encoder = AudioEncoder(model, int8=placement.int8)
        self._decoder = TextDecoder(model, int8=placement.int8, heard_dtype=_heard_dtype(placement))
        rules = TimestampRules(generation, self._decoder.vocabulary, placement.device)
        self._align = Alignment(self._decoder, generation, rules.first_timestamp - 1) if word_times else None
        self._first_timestamp = rules.first_timestamp
        self._end_of_text = rules.end_of_text
        self._start: int = generation.decoder_start_token_id
        codes: dict[str, int] = getattr(generation, "lang_to_id", None) or {}
        self._multilingual = bool(codes) and not checkpoint.english_only
        self._language_ids = {token.strip("<|>"): ident for token, ident in codes.items()}
        self.languages = tuple(self._language_ids) if self._multilingual else ("en",)
        told_apart = tuple(self._language_ids.values()) if self._multilingual else ()
        parts = self._decoder, rules, self._no_speech_id(), told_apart
        self._hearing: Hearing
        self._decode: GreedyDecode
        if on_cpu:
            self._hearing = HearingOnCpu(log_mel, encoder, self._decoder)
            self._decode = BeamDecode(*parts) if accurate else GreedyDecode(*parts)
        else:
            self._hearing = fixed = FixedHearing(log_mel, encoder, self._decoder)
            self._decode = (
                BeamDecode(*parts) if accurate else FixedGreedyDecode(*parts, heard=fixed.heard, most=MAX_NEW_TOKENS)
            )
        self._texts = BEAMS if accurate else 1
        # English-only fine-tunes of a multilingual checkpoint keep its vocabulary and still want the language token.
        self._wants_language = bool(codes) and bool(generation.is_multilingual)
        self._transcribe: int | None = generation.task_to_id["transcribe"] if self._wants_language else None
        self.batch_size = batch_size or self._automatic_batch()

    def detect_language(self, windows: Sequence[Samples]) -> str:
        """The language whose token is most probable over the windows, their log probabilities added."""
        if not self._multilingual:
            return self.languages[0]
        totals = torch.zeros(len(self.languages), dtype=torch.float64)
        ids = torch.tensor([self._language_ids[code] for code in self.languages], device=self.placement.device)
        with torch.inference_mode():
            for window in windows:
                heard = self._hearing([window], room=self.batch_size, again=True)
                scores = self._decode.start_scores(heard, self._start)[0]
                totals += scores[ids].log_softmax(-1).double().cpu()
        return self.languages[int(totals.argmax())]

    def usable(self, vocabulary: Sequence[str]) -> tuple[str, ...]:
        """As many entries as fit before a window without taking the room of its text, at most half of the context.

        223 tokens of 448, as in OpenAI's implementation; about 80 entries of English, fewer of other languages.
        """
        context = self._decoder.context
        room = min(context // 2, context - MAX_NEW_TOKENS - len(self._prompt(self.languages[0])))
        count = len(vocabulary)
        while count and len(self._before(tuple(vocabulary[:count]))) > room:
            count -= 1
        return tuple(vocabulary[:count])

    def read(self, windows: Sequence[Samples], hints: Sequence[Hints]) -> list[Reading]:
        """See ``Recognizer.read``."""
        return read_halving(self, self._read_batch, windows, hints)

    def _read_batch(self, windows: Sequence[Samples], hints: Sequence[Hints]) -> list[Reading]:
        prompts = [self._prompt(hint.language) for hint in hints]
        durations_s = [len(window) / SAMPLES_PER_S for window in windows]
        with torch.inference_mode():
            heard = self._hearing(windows, room=self.batch_size)
            befores = [self._before(hint.vocabulary) for hint in hints]
            keep = self._align is not None
            decoded = self._decode(heard, prompts, MAX_NEW_TOKENS, befores=befores, keep_heard=keep)
            if self._align is None:
                return [self._reading(row, duration_s) for row, duration_s in zip(decoded, durations_s, strict=True)]
            texts = [[token for token in row.tokens if token < self._end_of_text] for row in decoded]
            frames = [min(ceil(duration_s / SECONDS_PER_FRAME), heard[0][0].shape[2]) for duration_s in durations_s]
            spans = self._align(heard, prompts, texts, frames)
        return [
            self._reading(row, duration_s, own)
            for row, duration_s, own in zip(decoded, durations_s, spans, strict=True)
        ]

    def _before(self, vocabulary: tuple[str, ...]) -> list[int]:
        """The tokens before the start token; none without a vocabulary."""
        if not vocabulary:
            return []
        tokens = self._tokenizer.encode(spoken(vocabulary), add_special_tokens=False)
        # What looks like a special token is none here.
        return [self._tokenizer.convert_tokens_to_ids(BEFORE), *(t for t in tokens if t < self._end_of_text)]

    def _prompt(self, language: str) -> list[int]:
        if self._transcribe is None:
            return [self._start]
        return [self._start, self._language_ids[language], self._transcribe]

    def _reading(self, decoded: Decoded, duration_s: float, spans: Sequence[tuple[int, int]] = ()) -> Reading:
        """The phrases between the timestamps, with words where the frames of every text token are given."""
        phrases: list[Phrase] = []
        said: list[TimedToken] = []
        start_s, until_s = 0.0, 0.0
        frames = iter(spans)
        for token, logprob in zip(decoded.tokens, decoded.logprobs, strict=True):
            if token >= self._first_timestamp:
                now_s = min((token - self._first_timestamp) * SECONDS_PER_TIMESTAMP, duration_s)
                if said:
                    self._add(phrases, start_s, now_s, said, timed=bool(spans))
                    until_s = now_s
                    said = []
                start_s = now_s
            elif token < self._end_of_text:
                first, last = next(frames, (0, 0))
                end_s = min(last * SECONDS_PER_FRAME, duration_s)
                said.append(TimedToken(token, min(first * SECONDS_PER_FRAME, end_s), end_s, logprob))
        if said:  # cut off before its closing timestamp
            self._add(phrases, start_s, duration_s, said, timed=bool(spans))
            until_s = duration_s
        return Reading(
            tuple(phrases),
            until_s,
            decoded.avg_logprob,
            decoded.no_speech_prob,
            decoded.language_prob,
            self._token_compression(decoded.tokens),
        )

    def _token_compression(self, tokens: Sequence[int]) -> float:
        data = b"".join(token.to_bytes(2, "little") for token in tokens if token < self._end_of_text)
        return len(data) / len(zlib.compress(data))

    def _add(
        self, phrases: list[Phrase], start_s: float, end_s: float, said: Sequence[TimedToken], *, timed: bool
    ) -> None:
        text = self._tokenizer.decode([token.ident for token in said]).strip()
        if text:
            heard = words(pieces(said, self._spelled)) if timed else ()
            phrases.append(Phrase(start_s, end_s, text, heard))

    def _spelled(self, tokens: Sequence[int]) -> str | None:
        """Their text; None where the last is the beginning of a character that takes several."""
        text: str = self._tokenizer.decode(tokens)
        return None if text.endswith("\ufffd") else text

    def _no_speech_id(self) -> int | None:
        vocabulary = self._tokenizer.get_vocab()
        return next((vocabulary[token] for token in NO_SPEECH_TOKENS if token in vocabulary), None)

    def _automatic_batch(self) -> int:
        config, itemsize = self._config, self.placement.dtype.itemsize
        if self.placement.device.type == "cpu":
            return CPU_BATCH_OF_SMALL if config.d_model <= SMALL_WIDTH else CPU_BATCH
        position = 2 * config.decoder_layers * config.d_model * itemsize
        kept = self._align is not None and self._texts > 1  # a beam overwrites what the times of words are found in
        heard = (1 + kept) * position * config.max_source_positions
        scores = SCORES_AT_ONCE * self._decoder.vocabulary * torch.float32.itemsize
        return fitting_batch(
            self.placement.device, heard + self._texts * (position * config.max_target_positions + scores)
        )


def _heard_dtype(placement: Placement) -> torch.dtype:
    """The number format of the cross-attention's cache.

    Reading it is much of a CPU's decoding step, so half of it is worth a conversion where that is cheap: in what is
    compiled, and in PyTorch with AVX-512.
    """
    if placement.device.type != "cpu":
        return placement.dtype
    cheap = library() is not None or processor_has("avx512bw", "avx512vl", "avx512dq")
    return torch.bfloat16 if cheap else placement.dtype
