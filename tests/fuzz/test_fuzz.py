import random
from pathlib import Path

from tests.fuzz.run import fuzz


def test_nothing_is_lost_or_done_twice_however_often_the_daemon_is_killed(tmp_path: Path) -> None:
    fuzz(tmp_path, seed=random.SystemRandom().randrange(1 << 32), kills=12)
