"""Which recognizer runs a checkpoint: one line for each model family."""

from collections.abc import Mapping
from typing import Final, Protocol

from watcherd.engine.checkpoints import Checkpoint
from watcherd.engine.ctc import CtcRecognizer
from watcherd.engine.devices import Placement
from watcherd.engine.recognizer import Recognizer
from watcherd.engine.transducer import RnntRecognizer, TdtRecognizer
from watcherd.engine.whisper import WhisperRecognizer
from watcherd.errors import ModelUnavailableError


class Family(Protocol):
    """What makes a model resident; see ``load``."""

    def __call__(
        self, checkpoint: Checkpoint, placement: Placement, batch_size: int | None, *, accurate: bool, word_times: bool
    ) -> Recognizer:
        """Load the checkpoint."""


FAMILIES: Final[Mapping[str, Family]] = {
    "whisper": WhisperRecognizer,
    "parakeet_tdt": TdtRecognizer,
    "parakeet_rnnt": RnntRecognizer,
    "parakeet_ctc": CtcRecognizer,
    "wav2vec2": CtcRecognizer,
    "hubert": CtcRecognizer,
}
"""By the model_type of config.json."""


def load(
    checkpoint: Checkpoint,
    placement: Placement,
    batch_size: int | None,
    *,
    accurate: bool = False,
    word_times: bool = False,
) -> Recognizer:
    """Make the checkpoint's model resident.

    Args:
        checkpoint: which one.
        placement: where.
        batch_size: how many windows are read at once; None leaves it to the recognizer.
        accurate: take more time for a better text, where the family can.
        word_times: find the times of words, also where that takes more time.

    Raises:
        ModelUnavailableError: the checkpoint's family is not one that is built in.
    """
    family = FAMILIES.get(checkpoint.family)
    if family is None:
        raise ModelUnavailableError(
            f"model {checkpoint.model_id} is of the family {checkpoint.family!r}, which watcherd cannot run",
            remedy="Choose a Whisper, distil-Whisper, Whisper-turbo or Parakeet checkpoint as id under [model]",
        )
    return family(checkpoint, placement, batch_size, accurate=accurate, word_times=word_times)
