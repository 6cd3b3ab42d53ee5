"""Which recognizer runs a checkpoint: one line for each model family."""

from watcherd.engine.checkpoints import Checkpoint
from watcherd.engine.devices import Placement
from watcherd.engine.recognizer import Recognizer
from watcherd.engine.whisper import WhisperRecognizer
from watcherd.errors import ModelUnavailableError

FAMILIES = {"whisper": WhisperRecognizer}
"""By the model_type of config.json."""


def load(checkpoint: Checkpoint, placement: Placement, batch_size: int | None) -> Recognizer:
    """Make the checkpoint's model resident; ``batch_size`` None leaves the choice to the recognizer.

    Raises:
        ModelUnavailableError: the checkpoint's family is not one that is built in.
    """
    family = FAMILIES.get(checkpoint.family)
    if family is None:
        raise ModelUnavailableError(
            f"model {checkpoint.model_id} is of the family {checkpoint.family!r}, which watcherd cannot run",
            remedy="Choose a Whisper, distil-Whisper or Whisper-turbo checkpoint as id under [model]",
        )
    return family(checkpoint, placement, batch_size)
