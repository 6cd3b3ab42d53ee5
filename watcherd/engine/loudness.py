"""Quiet recordings raised to the level of ordinary ones, so that voice activity and model hear them alike."""

from typing import Any, Final

import numpy as np

from watcherd.engine.mixing import Pcm
from watcherd.engine.quiet_pydub import AudioSegment, make_chunks
from watcherd.engine.samples import SAMPLES_PER_S

TARGET_DBFS: Final = -24.0
"""Where the loud syllables of a quiet recording are brought to. In ordinary recordings (readings of novels, a speech on
the radio) they lie between -23 and -10 dBFS; these are left alone."""

MAX_GAIN_DB: Final = 30.0
HEADROOM_DB: Final = 1.0
"""Distance that the peaks of a raised block keep from full scale."""

CHUNK_MS: Final = 100
LOUD_CHUNKS: Final = 3
"""The level of speech is that of the third-loudest chunk: a click or a knock fills one or two."""

QUIET_SHARE: Final = 0.1
MIN_DYNAMICS_DB: Final = 6.0
"""Syllables stand out from the quietest tenth of a block by 10 dB and more, noise and hum by 1 dB or less."""

FALL: Final = 0.3
"""How far the estimate moves towards a quieter block; towards a louder one it moves at once."""

FADE_MS: Final = 20
_SILENCE_DBFS: Final = -96.0


class Leveller:
    """A gain for each block of 8 s, from a running estimate of how loud speech is in this recording.

    Blocks that have not the dynamics of speech leave the estimate alone: noise between sentences is raised as much as
    these are, and noise before the first sentence not at all. The result depends on nothing but the blocks.
    """

    def __init__(self) -> None:
        self._speech_dbfs: float | None = None
        self._gain_db = 0.0

    def push(self, samples: Pcm) -> Pcm:
        """The block, raised by 0 to 30 dB."""
        segment: Any = AudioSegment(samples.tobytes(), sample_width=2, frame_rate=SAMPLES_PER_S, channels=1)
        before_db, self._gain_db = self._gain_db, self._next_gain_db(segment)
        if self._gain_db == before_db == 0.0:
            return samples
        raised = segment.apply_gain(self._gain_db)
        data: bytes = raised.raw_data
        if self._gain_db != before_db and len(segment) > FADE_MS:
            start = raised[:FADE_MS].fade(from_gain=before_db - self._gain_db, start=0, duration=FADE_MS).raw_data
            data = start + data[len(start) :]
        return np.frombuffer(data, dtype=np.int16)

    def _next_gain_db(self, segment: Any) -> float:  # noqa: ANN401  pydub has no types
        self._estimate([max(chunk.dBFS, _SILENCE_DBFS) for chunk in make_chunks(segment, CHUNK_MS)])
        if self._speech_dbfs is None:
            return 0.0
        room_db = max(0.0, -HEADROOM_DB - segment.max_dBFS)
        return float(min(max(0.0, TARGET_DBFS - self._speech_dbfs), MAX_GAIN_DB, room_db))

    def _estimate(self, levels_dbfs: list[float]) -> None:
        levels_dbfs.sort()
        if len(levels_dbfs) < LOUD_CHUNKS:
            return
        loud_dbfs = levels_dbfs[-LOUD_CHUNKS]
        if loud_dbfs - levels_dbfs[int(QUIET_SHARE * len(levels_dbfs))] < MIN_DYNAMICS_DB:
            return
        if self._speech_dbfs is None or loud_dbfs > self._speech_dbfs:
            self._speech_dbfs = loud_dbfs
        else:
            self._speech_dbfs += FALL * (loud_dbfs - self._speech_dbfs)
