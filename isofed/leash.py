"""A process that ends with the one that started it, whatever ends that one: ``leash PARENT COMMAND ...``."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux: from <sys/prctl.h>


def main(argv: list[str]) -> None:
    """Become the command, on Linux tied to the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(argv[0]):  # it ended before the leash held
        sys.exit(1)
    os.execv(argv[1], argv[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
