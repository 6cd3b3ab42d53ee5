"""Whisper, distil-Whisper and Whisper-turbo checkpoints as recognizers."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import (
    AutoModelForSpeechSeq2Seq,
    AutoProcessor,
    LogitsProcessor,
    LogitsProcessorList,
)
from transformers.modeling_outputs import BaseModelOutput

from watcherd.engine.checkpoints import Checkpoint
from watcherd.engine.devices import Placement
from watcherd.engine.logmel import LogMel, Samples
from watcherd.engine.recognizer import Phrase, Reading
from watcherd.errors import OutOfMemoryError

MAX_NEW_TOKENS = 220
"""Per window. 28 s of fast English take about 120 tokens; a loop is cut off here instead of at the model's 448."""

SECONDS_PER_TIMESTAMP = 0.02
SAMPLES_PER_S = 16_000
CPU_BATCH = 8
MAX_GPU_BATCH = 32
GPU_MEMORY_SHARE = 0.5
"""Of what is free after loading; the rest is left to the encoder's workspace and to whoever shares the card."""


class WhisperRecognizer:
    """A Whisper checkpoint: one encoder pass a window, then one batched greedy decode with timestamps."""

    def __init__(self, checkpoint: Checkpoint, placement: Placement, batch_size: int | None) -> None:
        self.placement = placement
        self._model: Any = AutoModelForSpeechSeq2Seq.from_pretrained(
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
        generation = self._model.generation_config
        self._first_timestamp: int = generation.no_timestamps_token_id + 1
        self._end_of_text: int = self._tokenizer.eos_token_id
        codes: dict[str, int] = getattr(generation, "lang_to_id", None) or {}
        self._multilingual = bool(codes) and not checkpoint.english_only
        self._language_ids = {token.strip("<|>"): ident for token, ident in codes.items()}
        self.languages = tuple(self._language_ids) if self._multilingual else ("en",)
        # English-only fine-tunes of a multilingual checkpoint keep its vocabulary and still want the language token.
        self._wants_language = bool(codes) and bool(generation.is_multilingual)
        self.batch_size = batch_size or self._automatic_batch()

    def detect_language(self, windows: Sequence[Samples]) -> str:
        """The language whose token is most probable over the windows, their log probabilities added."""
        if not self._multilingual:
            return self.languages[0]
        totals = torch.zeros(len(self.languages), dtype=torch.float64)
        ids = torch.tensor([self._language_ids[code] for code in self.languages], device=self.placement.device)
        start = torch.tensor([[self._model.generation_config.decoder_start_token_id]], device=self.placement.device)
        with torch.inference_mode():
            for window in windows:
                encoded = BaseModelOutput(last_hidden_state=self._encode_one(window))
                logits = self._model(encoder_outputs=encoded, decoder_input_ids=start, use_cache=False).logits[0, -1]
                totals += logits[ids].float().log_softmax(-1).double().cpu()
        return self.languages[int(totals.argmax())]

    def read(self, windows: Sequence[Samples], languages: Sequence[str]) -> list[Reading]:
        """See ``Recognizer.read``. A batch that does not fit in memory is halved until it does."""
        try:
            return self._read_batch(windows, languages)
        except torch.OutOfMemoryError as error:
            if self.placement.device.type == "cuda":
                torch.cuda.empty_cache()
            if len(windows) == 1:
                raise OutOfMemoryError(
                    f"{self.placement.name} has not enough memory for a single window of 30 s",
                    remedy='Free memory on the device, choose a smaller model, or set device = "cpu" under [model]',
                ) from error
        half = len(windows) // 2
        self.batch_size = max(1, min(self.batch_size, half))
        return [*self.read(windows[:half], languages[:half]), *self.read(windows[half:], languages[half:])]

    def _read_batch(self, windows: Sequence[Samples], languages: Sequence[str]) -> list[Reading]:
        confidence = _ChosenLogprobs(self._end_of_text)
        options: dict[str, Any] = {}
        if self._wants_language:
            options = {"language": list(languages), "task": "transcribe"}
        with torch.inference_mode():
            encoded = self._encode(windows)
            tokens: torch.Tensor = self._model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
                return_timestamps=True,
                num_beams=1,
                do_sample=False,
                max_new_tokens=MAX_NEW_TOKENS,
                force_unique_generate_call=True,
                logits_processor=LogitsProcessorList([confidence]),
                **options,
            )
        means = confidence.means()
        return [
            self._reading(row, len(window) / SAMPLES_PER_S, mean)
            for row, window, mean in zip(tokens.tolist(), windows, means, strict=True)
        ]

    def _encode_one(self, window: Samples) -> torch.Tensor:
        features = self._log_mel(window).to(self.placement.dtype)
        encoded: torch.Tensor = self._model.get_encoder()(features[None]).last_hidden_state
        return encoded

    def _encode(self, windows: Sequence[Samples]) -> torch.Tensor:
        """Hidden states [windows, 1500, width]."""
        if self.placement.device.type == "cpu":
            # One at a time: a batched encoder pass is slower on a CPU, its activations fall out of the caches.
            return torch.cat([self._encode_one(window) for window in windows])
        features = torch.stack([self._log_mel(window) for window in windows]).to(self.placement.dtype)
        encoded: torch.Tensor = self._model.get_encoder()(features).last_hidden_state
        return encoded

    def _reading(self, tokens: Sequence[int], duration_s: float, avg_logprob: float) -> Reading:
        phrases: list[Phrase] = []
        words: list[int] = []
        start_s, until_s = 0.0, 0.0
        for token in tokens:
            if token >= self._first_timestamp:
                now_s = min((token - self._first_timestamp) * SECONDS_PER_TIMESTAMP, duration_s)
                if words:
                    self._add(phrases, start_s, now_s, words)
                    until_s = now_s
                    words = []
                start_s = now_s
            elif token < self._end_of_text:
                words.append(token)
        if words:  # cut off before its closing timestamp
            self._add(phrases, start_s, duration_s, words)
            until_s = duration_s
        return Reading(tuple(phrases), until_s, avg_logprob)

    def _add(self, phrases: list[Phrase], start_s: float, end_s: float, tokens: Sequence[int]) -> None:
        text = self._tokenizer.decode(tokens).strip()
        if text:
            phrases.append(Phrase(start_s, end_s, text))

    def _automatic_batch(self) -> int:
        if self.placement.device.type == "cpu":
            return CPU_BATCH
        config = self._model.config
        free_bytes, _ = torch.cuda.mem_get_info(self.placement.device)
        width = self.placement.dtype.itemsize * config.max_source_positions
        cross_cache = 2 * config.decoder_layers * config.d_model * width
        encoder_workspace = 4 * config.encoder_ffn_dim * width
        fitting = int(GPU_MEMORY_SHARE * free_bytes / (cross_cache + encoder_workspace))
        return max(1, min(fitting, MAX_GPU_BATCH))


class _ChosenLogprobs(LogitsProcessor):
    """Watches a greedy decode and sums the log probability of every token that it chose.

    Greedy takes the maximum of what this last processor sees, so the choice is known here already.
    """

    def __init__(self, end_of_text: int) -> None:
        self._end_of_text = end_of_text
        self._sums: torch.Tensor | None = None
        self._counts: torch.Tensor | None = None
        self._open: torch.Tensor | None = None

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        rows = scores.shape[0]
        if self._sums is None or self._counts is None or self._open is None:
            self._sums = torch.zeros(rows, device=scores.device)
            self._counts = torch.zeros(rows, device=scores.device)
            self._open = torch.ones(rows, dtype=torch.bool, device=scores.device)
        else:
            self._open &= input_ids[:, -1] != self._end_of_text
        best, _ = scores.float().log_softmax(-1).max(-1)
        self._sums += torch.where(self._open, best, 0.0)
        self._counts += self._open
        return scores

    def means(self) -> list[float]:
        """One figure a row; 0 where nothing was chosen."""
        if self._sums is None or self._counts is None:
            return []
        means: list[float] = (self._sums / self._counts.clamp_min(1)).tolist()
        return means
