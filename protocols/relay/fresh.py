"""What is read from files, and made anew when one of them changed: the TLS of a renewed certificate."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Fresh(Generic[T]):
    """Call it for the value.

    Args:
        paths: the files; each is replaced as a whole.
        make: reads them. What it raises is raised at the first time; later the value before stays, because
            of two files that belong together one is always replaced first.
    """

    paths: tuple[Path, ...]
    make: Callable[[], T]
    _held: dict[str, Any] = field(default_factory=dict, repr=False)

    def __call__(self) -> T:
        """Return the value, made anew if a file changed."""
        stamp = tuple(_stamp(path) for path in self.paths)
        if stamp != self._held.get("stamp"):
            self._renew(stamp)
        held: T = self._held["value"]
        return held

    def _renew(self, stamp: tuple[tuple[int, int, int], ...]) -> None:
        try:
            self._held.update(value=self.make(), stamp=stamp)
        except Exception:
            if "value" not in self._held:
                raise


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        about = path.stat()
    except OSError:
        return (0, 0, 0)
    return (about.st_ino, about.st_mtime_ns, about.st_size)
