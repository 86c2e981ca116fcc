"""What other processes do to a register, in tests; they are begun anew, for gRPC does not survive a fork."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

from isofed.errors import ConfigError
from isofed.server.hub.register import Register

CONTEXT = multiprocessing.get_context("spawn")


def apply(folder: Path, secret: str, key: str, start: Barrier, answers: "multiprocessing.Queue[str]") -> None:
    """Apply as soon as all are there; say whose key is in."""
    start.wait(120)
    try:
        answers.put(Register(folder).apply("cam1", secret, key, {}).key)
    except ConfigError:
        answers.put("")


def killed(folder: Path) -> None:
    """Die after the new file was written and before it got its name."""
    Path.replace = lambda *_: os._exit(9)  # type: ignore[method-assign,assignment]
    Register(folder).revoke("cam1")
