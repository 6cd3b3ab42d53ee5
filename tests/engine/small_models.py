"""Networks of the real classes, so small that they load at once, with random weights, saved as taught ones are."""
# mypy: allow-untyped-calls=True
# ruff: noqa: S106  a token is no secret here

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    HubertConfig,
    HubertForCTC,
    ParakeetCTCConfig,
    ParakeetEncoderConfig,
    ParakeetFeatureExtractor,
    ParakeetForCTC,
    ParakeetForRNNT,
    ParakeetForTDT,
    ParakeetProcessor,
    ParakeetRNNTConfig,
    ParakeetTDTConfig,
    ParakeetTokenizer,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
)

TEXT = "the quick brown fox jumps over the lazy dog, and then it rests. Nobody knows how long it slept"
ENCODER = ParakeetEncoderConfig(
    hidden_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    subsampling_conv_channels=16,
    num_mel_bins=80,
    initializer_range=0.2,
)
"""The front end is that of the real models: 80 mel bands, a frame for every 80 ms."""

SURE = 20.0
"""Random heads are unsure of everything, and what a model is unsure of is not believed; these are blown up."""


def save_parakeet(kind: str, folder: Path, seed: int = 0) -> Any:
    """Save a model of the kind "ctc", "rnnt" or "tdt" and return it."""
    tokenizer = _sentence_pieces()
    blank: int = tokenizer.convert_tokens_to_ids("<blank>")
    torch.manual_seed(seed)
    if kind == "ctc":
        config: Any = ParakeetCTCConfig(vocab_size=len(tokenizer), pad_token_id=blank, encoder_config=ENCODER.to_dict())
        model: Any = ParakeetForCTC(config)
        _sharpen(model.ctc_head)
    else:
        shape: dict[str, Any] = {
            "decoder_hidden_size": 32,
            "num_decoder_layers": 1,
            "vocab_size": len(tokenizer),
            "blank_token_id": blank,
            "pad_token_id": blank,
            "encoder_config": ENCODER.to_dict(),
        }
        tdt = kind == "tdt"
        model = ParakeetForTDT(ParakeetTDTConfig(**shape)) if tdt else ParakeetForRNNT(ParakeetRNNTConfig(**shape))
        _sharpen(model.joint.head)
        with torch.no_grad():  # as taught ones do: more blanks than tokens, and few durations of 0
            model.joint.head.bias[blank] += 8
            if tdt:
                model.joint.head.bias[len(tokenizer)] -= 3
        model.generation_config.decoder_start_token_id = blank
        model.generation_config.suppress_tokens = list(range(len(tokenizer), model.joint.head.out_features))
    model.eval().save_pretrained(folder)
    extractor: Any = ParakeetFeatureExtractor()
    processor: Any = ParakeetProcessor(extractor, tokenizer, decoder_type=kind)
    processor.save_pretrained(folder)
    return model


def save_wav2vec2(folder: Path, *, masked: bool, kind: str = "wav2vec2", seed: int = 0) -> Any:
    """Save a model with an alphabet for tokens and return it; ``masked`` ones were trained with an attention mask."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"]
    (folder / "vocab.json").write_text(json.dumps({letter: ident for ident, letter in enumerate(letters)}))
    tokenizer: Any = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    extractor: Any = Wav2Vec2FeatureExtractor(return_attention_mask=masked)
    processor: Any = Wav2Vec2Processor(extractor, tokenizer)
    processor.save_pretrained(folder)
    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "vocab_size": len(letters),
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": (16,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
        "feat_extract_norm": "layer" if masked else "group",
    }
    classes: dict[str, tuple[Any, Any]] = {
        "wav2vec2": (Wav2Vec2ForCTC, Wav2Vec2Config),
        "hubert": (HubertForCTC, HubertConfig),
    }
    network, config = classes[kind]
    model: Any = network(config(**shape))
    _sharpen(model.lm_head)
    model.eval().save_pretrained(folder)
    return model


def _sharpen(head: Any) -> None:
    with torch.no_grad():
        head.weight *= SURE


def _sentence_pieces() -> Any:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator([TEXT], trainers.BpeTrainer(vocab_size=80, special_tokens=["<unk>"]))
    tokenizer.add_special_tokens(["<blank>"])
    return ParakeetTokenizer(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<blank>")
