"""What a reading depends on besides the audio: readings with equal fingerprints may stand in one transcript."""

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version

from watcherd import __version__
from watcherd.config import ModelSettings
from watcherd.engine.messages import Channels, ModelLoaded


def settings_line(model: ModelSettings, language: str, channels: Channels, vocabulary: Sequence[str] = ()) -> str:
    """The settings of one recording that decide on its transcript; ``language`` is what it is to be read as."""
    parts = {
        "language": language,
        "channels": channels,
        "decoding": model.decoding,
        "word_times": str(model.word_times).lower(),
    }
    if vocabulary:
        # A digest: this line stands in sidecars, and who is expected in a recording is nobody else's business.
        parts["vocabulary"] = hashlib.blake2b(json.dumps(vocabulary).encode(), digest_size=8).hexdigest()
    return "; ".join(f"{name}={value}" for name, value in parts.items())


def fingerprint(model: ModelLoaded, settings: str) -> str:
    """One line for the model, how it is run, the programs that run it and the recording's settings.

    The programs count because another version may sum in another order, which now and then is another word.
    """
    parts = {
        "model": model.model_id,
        "revision": model.revision,
        "device": model.device.partition(":")[0],
        "dtype": model.dtype,
        "watcherd": __version__,
        "torch": version("torch"),
    }
    return "; ".join([*(f"{name}={value}" for name, value in parts.items()), settings])
