"""The server's own public data: where they are, that they may be used, and how they are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isofed.config import read
from isofed.errors import CompositionError, ConfigError
from isofed.protocols.declared import declared
from isofed.tasks.task import Progress

FOLDER = "public"
FREE = ("sharing", None)  # declared levels under which others than the owner may hold data


@dataclass(frozen=True)
class Public:
    """The ``public`` keys: what the server may learn from, if the strategy distils.

    Args:
        root: folder in the layout of the run; None draws other people than the sites' with ``data.make``.
        seed: of that drawing.
    """

    root: str | None = None
    seed: int = 1

    def folder(self, run: Path) -> Path:
        """Return the folder of the public data of the run in ``run``."""
        return Path(self.root) if self.root else run / FOLDER


def read_public(values: Mapping[str, Any]) -> Public:
    """Read the keys; a relative folder is made absolute, for a run may be continued from elsewhere."""
    public = read(Public, values, FOLDER)
    return Public(str(Path(public.root).expanduser().absolute()), public.seed) if public.root else public


def check_public(public: Public, layout: Any, private: Path | None, seed: int) -> None:
    """Refuse public data that are not public.

    Args:
        public: the keys.
        layout: of the run's data.
        private: folder of the sites' data, None where they are drawn.
        seed: of that drawing.

    Raises:
        ConfigError: drawn with the sites' seed, so the same people; or no such tree.
        CompositionError: the sites' own data, or data that their owner declared for a stricter level.
    """
    if public.root is None:
        if private is None and public.seed == seed:
            raise ConfigError(
                f"'public.seed' is {public.seed}, which draws the sites' own people; write another seed"
            )
        return
    root = Path(public.root)
    if private is not None and _meet(root.resolve(), private.resolve()):
        raise CompositionError(
            "'public.root' holds the sites' own data, which the server must not see; name other data"
        )
    layout.sites(root, "sharing")
    for asked in (declared(folder) for folder in layout.folders(root, None)):
        if asked not in FREE:
            raise CompositionError(
                f"the data in 'public.root' are declared for protocol '{asked}', so they are not public; "
                "name data that are declared for sharing, or not at all"
            )


def draw_public(
    public: Public, layout: Any, make: Mapping[str, Any], run: Path, map: Any, told: Progress
) -> None:
    """Draw the public data of a run that has none yet."""
    if public.root is None and not public.folder(run).exists():
        layout.make(public.folder(run), public.seed, layout.options(**make), map, told)


def _meet(one: Path, other: Path) -> bool:
    return one == other or one in other.parents or other in one.parents
