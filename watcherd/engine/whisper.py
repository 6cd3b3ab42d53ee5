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
from watcherd.engine.decoder_cache import KeysAndValues
from watcherd.engine.devices import Placement, processor_has
from watcherd.engine.encoder import AudioEncoder
from watcherd.engine.encodings import Encodings
from watcherd.engine.greedy import Decoded, GreedyDecode
from watcherd.engine.logmel import LogMel
from watcherd.engine.memory import fitting_batch, read_halving
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
"""For models up to ``SMALL_WIDTH``. Most of a decoding step is what it costs for a single window, so the base model
decodes 16 windows together in a quarter less time than two times 8. Larger models spend theirs in the encoder, and
there a memo would wait for 16 windows of somebody else's for a minute or more."""

SMALL_WIDTH = 512
"""Of the base model; its cache of what was heard takes 18 MB a window."""


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
        self._on_cpu = placement.device.type == "cpu"
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
        self._log_mel = LogMel(processor.feature_extractor, placement.device)
        self._config = model.config
        generation = model.generation_config
        # They take copies of their own of what they change; with this frame the model's go.
        self._encoder = AudioEncoder(model, int8=placement.int8)
        self._encodings = Encodings()
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
        decode = BeamDecode if accurate else GreedyDecode
        self._decode = decode(self._decoder, rules, self._no_speech_id(), told_apart)
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
                encoded = self._encode([window])
                if self._on_cpu:
                    self._encodings.keep(window, encoded)
                scores = self._decode.start_scores(self._decoder.hear(encoded), self._start)[0]
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
            heard = self._hear(windows)
            decoded = self._decoded(heard, [self._before(hint.vocabulary) for hint in hints], prompts)
            if self._align is None:
                return [self._reading(row, duration_s) for row, duration_s in zip(decoded, durations_s, strict=True)]
            texts = [[token for token in row.tokens if token < self._end_of_text] for row in decoded]
            frames = [min(ceil(duration_s / SECONDS_PER_FRAME), heard[0][0].shape[2]) for duration_s in durations_s]
            spans = self._align(heard, prompts, texts, frames)
        return [
            self._reading(row, duration_s, own)
            for row, duration_s, own in zip(decoded, durations_s, spans, strict=True)
        ]

    def _decoded(
        self, heard: list[KeysAndValues], befores: Sequence[list[int]], prompts: Sequence[list[int]]
    ) -> list[Decoded]:
        """The text of every window; those with equally much before them are decoded together.

        ``heard`` is overwritten, except where it is needed once more for the times of words.

        Vocabularies are only for this: languages, and the times of words, are told without them.
        """
        together: dict[int, list[int]] = {}
        for row, before in enumerate(befores):
            together.setdefault(len(before), []).append(row)
        decoded: dict[int, Decoded] = {}
        for length, rows in together.items():
            spare = len(rows) == len(befores) and self._align is None
            own = heard if spare else [(keys[rows], values[rows]) for keys, values in heard]
            begun = [[*befores[row], *prompts[row]] for row in rows]
            found = self._decode(own, begun, MAX_NEW_TOKENS, start_at=length)
            decoded.update(zip(rows, found, strict=True))
        return [decoded[row] for row in range(len(befores))]

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

    def _hear(self, windows: Sequence[Samples]) -> list[KeysAndValues]:
        """What each decoder layer attends to, one row a window."""
        if not self._on_cpu:
            return self._decoder.hear(self._encode(windows))
        # One at a time: a batched encoder pass is slower on a CPU, its activations fall out of the caches.
        heard: list[KeysAndValues] = []
        for row, window in enumerate(windows):
            layers = self._decoder.hear(self._encode_once(window))
            if not heard:  # room for all of them, and none of it twice
                heard = [(_room(keys, len(windows)), _room(values, len(windows))) for keys, values in layers]
            for (all_keys, all_values), (keys, values) in zip(heard, layers, strict=True):
                all_keys[row], all_values[row] = keys[0], values[0]
        return heard

    def _encode_once(self, window: Samples) -> torch.Tensor:
        """A window that the language was told from is encoded already, which is most of what a memo costs."""
        encoded = self._encodings.take(window)
        return self._encode([window]) if encoded is None else encoded

    def _encode(self, windows: Sequence[Samples]) -> torch.Tensor:
        """Hidden states [windows, 1500, width]."""
        features = torch.stack([self._log_mel(window) for window in windows]).to(self.placement.dtype)
        return self._encoder(features)

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
        if self._on_cpu:
            return CPU_BATCH_OF_SMALL if self._config.d_model <= SMALL_WIDTH else CPU_BATCH
        config, itemsize = self._config, self.placement.dtype.itemsize
        positions = config.max_source_positions + self._texts * config.max_target_positions
        decoder_cache = 2 * config.decoder_layers * config.d_model * positions * itemsize
        if self._align is not None:  # reads what was heard once more, in full
            decoder_cache *= 2
        encoder_workspace = 4 * config.encoder_ffn_dim * config.max_source_positions * itemsize
        return fitting_batch(self.placement.device, decoder_cache + encoder_workspace)


def _room(one: torch.Tensor, rows: int) -> torch.Tensor:
    """For so many like it."""
    return one.new_empty(rows, *one.shape[1:])


def _heard_dtype(placement: Placement) -> torch.dtype:
    """The number format of the cross-attention's cache.

    Reading it is most of a CPU's decoding step, so half of it is worth a conversion where AVX-512 makes that cheap.
    """
    on_cpu = placement.device.type == "cpu"
    return torch.bfloat16 if on_cpu and processor_has("avx512bw", "avx512vl", "avx512dq") else placement.dtype
