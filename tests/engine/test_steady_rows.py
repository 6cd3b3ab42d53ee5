"""What is read in a window does not depend on those beside it, so an interrupted recording ends like any other."""

import numpy as np
import numpy.typing as npt
import pytest

from tests.engine.conftest import RATE
from watcherd.engine.checkpoints import resolve
from watcherd.engine.devices import place
from watcherd.engine.recognizer import Hints
from watcherd.engine.whisper import WhisperRecognizer


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_window_is_read_alike_to_the_last_bit_in_any_company(dtype: str, speech: npt.NDArray[np.float32]) -> None:
    recognizer = WhisperRecognizer(resolve("packaged:tiny.en", download=False), place("cpu", dtype), batch_size=None)
    windows = [speech.copy(), *(speech[int(start * RATE) :][: 4 * RATE].copy() for start in (1.0, 3.5, 6.0))]
    alone = [recognizer.read([window], [Hints("en")])[0] for window in windows]

    assert recognizer.read(windows, [Hints("en")] * 4) == alone
    assert recognizer.read(windows[::-1][:3], [Hints("en")] * 3) == alone[::-1][:3]
