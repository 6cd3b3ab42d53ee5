"""The binary layout in which CTranslate2 stores a model's weights, read into numpy arrays."""

import struct
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

Weights = Mapping[str, npt.NDArray[np.generic]]

_TYPES: Final = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""By the number that stands before each tensor."""

_FIRST_WITH_ALIASES: Final = 3
"""The version of the layout from which on a tensor may have several names."""


class LayoutError(ValueError):
    """The bytes are no model in this layout."""


def read_weights(data: bytes) -> dict[str, npt.NDArray[np.generic]]:
    """Every tensor by its name, as views into ``data``; aliases are resolved.

    The layout: version, name of the model's kind, its revision, number of tensors; for each its name, rank, dimensions,
    type and bytes; then the aliases. Integers are little-endian, names have their length before them and end with NUL.

    Raises:
        LayoutError: the bytes end too early, or name a type that is not known.
    """
    reader = _Reader(data)
    try:
        version = reader.integer("I")
        reader.name()
        reader.integer("I")
        weights = dict(reader.tensor() for _ in range(reader.integer("I")))
        if version >= _FIRST_WITH_ALIASES:
            for _ in range(reader.integer("I")):
                alias, name = reader.name(), reader.name()
                weights[alias] = weights[name]
    except (struct.error, KeyError, ValueError) as error:
        raise LayoutError(f"no weights in CTranslate2's layout: {error}") from error
    return weights


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    def integer(self, kind: str) -> int:
        (value,) = struct.unpack_from(f"<{kind}", self._data, self._offset)
        self._offset += struct.calcsize(f"<{kind}")
        return int(value)

    def name(self) -> str:
        length = self.integer("H")
        raw = self._data[self._offset : self._offset + length]
        self._offset += length
        return raw.rstrip(b"\0").decode()

    def tensor(self) -> tuple[str, npt.NDArray[np.generic]]:
        name = self.name()
        shape = [self.integer("I") for _ in range(self.integer("B"))]
        dtype = np.dtype(_TYPES[self.integer("B")])
        size = self.integer("I")
        values = np.frombuffer(self._data, dtype, count=size // dtype.itemsize, offset=self._offset)
        self._offset += size
        return name, values.reshape(shape)
