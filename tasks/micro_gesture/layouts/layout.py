"""The published layouts as data layouts: one data set by itself, and silos side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isofed.config import within
from isofed.errors import ConfigError
from isofed.tasks.micro_gesture.drawing.plan import Small
from isofed.tasks.micro_gesture.layouts import owners, testing
from isofed.tasks.micro_gesture.layouts.check import check
from isofed.tasks.micro_gesture.layouts.cut import cut
from isofed.tasks.micro_gesture.layouts.formats import FORMATS, Format
from isofed.tasks.micro_gesture.layouts.owners import Silo
from isofed.tasks.micro_gesture.layouts.write import write_silos, write_tree_of
from isofed.tasks.micro_gesture.model import CLASSES
from isofed.tasks.task import EVALUATOR, DataLayout, Progress, Samples, Site

LEVELS = {True: ("entity", "sharing"), False: ("camera", "entity", "sharing")}  # by: a data set alone


def resolve(found: tuple[Silo, ...], options: Any) -> Mapping[str, int | str]:
    """Return the number of emotions and whose joints the data have.

    Raises:
        ConfigError: others were asked for.
    """
    body = found[0].format.body.name
    if options.body not in ("", body):
        raise ConfigError(
            f"'task.body' is {options.body}, but the data have the joints of {body}; leave it empty"
        )
    return {"classes": CLASSES, "body": body}


def _layout(name: str, summary: str, options: type[Any], make: Any, find: owners.Find) -> DataLayout:
    def opened(root: Path, site: str, cache: Path, chosen: Any) -> Samples:
        return owners.open_train(find(root, site), site, cache, chosen)

    def sites(root: Path, level: str) -> tuple[Site, ...]:
        return owners.sites(find(root, None), level)

    def checked(root: Path, progress: Progress | None = None) -> Any:
        return check(find(root, None), progress)

    alone = name in FORMATS
    return DataLayout(
        name=name,
        summary=summary,
        options=options,
        make=make,
        check=checked,
        resolve=lambda root, chosen: resolve(find(root, None), chosen),
        sites=sites,
        open_train=opened,
        open_test=lambda root, cache, chosen: testing.open_test(find(root, None), cache, chosen),
        lists=lambda root, site, chosen: cut(root, find(root, _own(site)), site, chosen),
        folders=lambda root, site: tuple(dict.fromkeys((root, *(s.root for s in find(root, site))))),
        levels=LEVELS[alone],
    )


def _own(site: str) -> str | None:
    return None if site == EVALUATOR else site


def one(made: Format) -> DataLayout:
    """Return a data set by itself as a layout."""

    def make(out: Path, seed: int, options: Any, spread: Any = map, progress: Progress | None = None) -> None:
        write_tree_of(out, made, seed, options, spread, progress)

    def find(root: Path, site: str | None = None) -> tuple[Silo, ...]:
        return (Silo(made.name, root, made, alone=True),)

    return _layout(made.name, made.summary, Small, make, find)


@dataclass(frozen=True)
class Rooms:
    """Several rooms, each with a camera and people of its own; see :class:`Small` for the numbers of each.

    Args:
        silos: how many, 1 on.
        unlabelled: of those, the last so many know nobody's emotion; fewer than ``silos``.
        format: which layout each room has.

    Raises:
        ConfigError: a number outside its range, an unknown word.
    """

    silos: int = 4
    unlabelled: int = 1
    format: str = "imigue"
    subjects: int = 6
    videos: int = 3
    clips: int = 6
    signal: str = "gestures"
    contrast: float = 0.9
    noise: float = 0.01
    dropout: float = 0.05
    shift: float = 0.0
    odd: bool = False

    def __post_init__(self) -> None:
        within("silos", self.silos, 1, 1000)
        within("unlabelled", self.unlabelled, 0, self.silos - 1)
        self.small()

    def small(self) -> Small:
        """Return how much is drawn of each."""
        words = ("silos", "unlabelled", "format")
        return Small(**{name: value for name, value in vars(self).items() if name not in words})


LAYOUTS: dict[str, DataLayout] = {
    **{name: one(made) for name, made in FORMATS.items()},
    "micro_gesture_silos": _layout(
        "micro_gesture_silos",
        "skeletons from several rooms, a folder, a camera and a client each; some without labels",
        Rooms,
        write_silos,
        owners.silos,
    ),
}
