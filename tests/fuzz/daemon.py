"""watcherd with the stand-in for its engine; the arguments are watcherd's own."""

import sys

from watcherd.cli import main
from watcherd.engine import client

if __name__ == "__main__":
    client.COMMAND = (sys.executable, "-m", "tests.fuzz.fake_engine")
    sys.exit(main())
