"""A progress bar on a terminal; nothing at all elsewhere, where lines tell the story."""

from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self, TextIO

from tqdm import tqdm

from watcherd.names import printable


class ProgressBar:
    """How far one recording is, in its own seconds; ``with`` removes it from the terminal again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm[NoReturn] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def show(self, path: Path, done_ms: int, duration_ms: int) -> None:
        """Move the bar, or begin one for this recording."""
        if not self._stream.isatty():
            return
        name = printable(path.name)
        bar = self._bar
        if bar is None or bar.desc != f"{name}: ":
            self.clear()
            bar = self._bar = tqdm(
                desc=name,
                total=duration_ms / 1000,
                unit="s",
                file=self._stream,
                leave=False,
                dynamic_ncols=True,
                bar_format="{desc}: {percentage:3.0f}% |{bar}| {n:.0f}/{total:.0f} s, {remaining} left",
            )
        bar.total = duration_ms / 1000
        bar.n = min(done_ms, duration_ms) / 1000
        bar.refresh()

    def clear(self) -> None:
        """Take the bar away, before a line is printed or at the end."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
