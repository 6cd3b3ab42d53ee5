"""Says on which device the model would run: ``python -m watcherd.engine.describe DEVICE DTYPE FAMILY`` prints one line.

A process of its own, since asking PyTorch means importing it.
"""

import sys

from watcherd.engine.devices import place, suited
from watcherd.errors import DeviceUnavailableError


def main() -> int:
    """Print the device, or the error and its remedy with exit status 1."""
    device, dtype, family = sys.argv[1:]
    try:
        placement = place(device, dtype)
    except DeviceUnavailableError as error:
        print(error)
        return 1
    if dtype == "auto":
        placement = suited(placement, family)
    print(f"{placement.device} ({placement.name}), {placement.dtype_name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
