"""What is used of pydub, imported without the warnings that it brings.

On import, pydub 0.25 warns where it does not find ffmpeg (which ``ffmpeg.py`` says better), uses ``audioop``, which
is deprecated in Python 3.11 and 3.12, and holds escape sequences that newer Pythons complain of.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pydub import AudioSegment
    from pydub.utils import make_chunks, which

__all__ = ["AudioSegment", "make_chunks", "which"]
