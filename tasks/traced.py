"""Which files of a folder a reader opens, and which folders it lists: what it needs, seen, not declared."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Trace:
    """What was looked at below a folder, as paths from it.

    Attributes:
        files: that were opened.
        folders: whose names were listed.
    """

    files: set[Path] = field(default_factory=set)
    folders: set[Path] = field(default_factory=set)


class _Ear:
    """Hears of everything that Python opens, while somebody listens; Python lets nobody leave again."""

    def __init__(self) -> None:
        self.installed = False
        self.listener: Callable[[str, Any], None] | None = None

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.listener is not None and event in ("open", "os.listdir", "os.scandir"):
            self.listener(event, arguments[0])


_EAR = _Ear()


def traced(root: Path, read: Callable[[], T]) -> tuple[T, Trace]:
    """Return what ``read`` returns, and what it looked at below ``root``, in this process alone."""
    trace, base = Trace(), os.path.realpath(root)

    def listen(event: str, given: Any) -> None:
        if isinstance(given, str | os.PathLike):
            path = os.path.realpath(given)
            if os.path.commonpath((base, path)) == base:
                inside = Path(os.path.relpath(path, base))
                (trace.files if event == "open" else trace.folders).add(inside)

    if not _EAR.installed:
        _EAR.installed = True
        sys.addaudithook(_EAR.hear)
    _EAR.listener = listen
    try:
        return read(), trace
    finally:
        _EAR.listener = None
