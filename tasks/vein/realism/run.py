"""A whole comparison, from folders to files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from isofed.config import within
from isofed.files import atomic, write_json
from isofed.tasks.vein.drawing.sensors import preset
from isofed.tasks.vein.drawing.variations import KINDS
from isofed.tasks.vein.layouts.pictures import VeinFile
from isofed.tasks.vein.realism.compare import GROUPS, Group, compare
from isofed.tasks.vein.realism.figure import ACROSS, figure
from isofed.tasks.vein.realism.numbers import look
from isofed.tasks.vein.realism.picture import Picture, dealt, drawn, find, kind, published
from isofed.tasks.vein.realism.registration import Move, registration
from isofed.tasks.vein.realism.told import json_of, markdown

ALIGNED = 15  # pictures of which the place of the masks is found
SHOWN = ("Shift", "Roll", "Multi")  # kinds in the figure, where the reference has them
ROWS = 2  # of drawn pictures in the figure
Watch = Callable[[str, Iterable[Picture]], Iterable[Picture]]  # passes pictures on, and may tell how many


@dataclass(frozen=True)
class Plan:
    """What is compared with the reference.

    Args:
        fingers: how many are drawn, 2..9999.
        each: pictures of each, 1..100.
        seed: of the fingers, any integer.
        sensor: name of the preset that draws them.
        most: pictures of the reference that are looked at, 1 on, spread over all.

    Raises:
        ConfigError: a number outside its range, an unknown sensor.
    """

    fingers: int = 24
    each: int = 8
    seed: int = 0
    sensor: str = "fingerveinsyn"
    most: int = 200

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        within("fingers", self.fingers, 2, 9999)
        within("each", self.each, 1, 100)
        within("most", self.most, 1, 10**9)
        preset(self.sensor)


@dataclass(frozen=True)
class Result:
    """What came out.

    Attributes:
        plan: what was compared.
        published_at, drawn_at: the move of the vein masks that fits best, and the correlation there.
        groups: of :func:`isofed.tasks.vein.realism.compare.compare`.
        picture: the figure.
    """

    plan: Plan
    published_at: tuple[Move, float]
    drawn_at: tuple[Move, float]
    groups: Mapping[str, Group]
    picture: Image.Image = field(repr=False)


def run(reference: Path, plan: Plan, watch: Watch = lambda what, pictures: pictures) -> Result:
    """Compare a published tree with fingers that are drawn for it.

    The drawn pictures have the reference's numbers in the schedule, so that both sets show the same
    variations equally often. Masks of the reference are moved to where they fit best, drawn ones are not.

    Args:
        reference: root of a tree of FingerVeinSyn-5M, with masks.
        plan: how much to draw.
        watch: is given both sets of pictures as they are measured.

    Raises:
        DataError: the tree is not what it should be.
    """
    files, sensor = find(reference, plan.most), preset(plan.sensor)
    takes = dealt([file.take.sample for file in files], plan.fingers, plan.each)
    place = registration(published(plain(files)))
    there = [look(picture, place[0]) for picture in watch("published", published(files))]
    here = [look(picture) for picture in watch("drawn", drawn(plan.seed, takes, sensor))]
    groups = compare(there, here)
    chosen = shown(files)
    rows = [[(n + row * ACROSS, file.take.sample) for n, file in enumerate(chosen)] for row in range(ROWS)]
    first = next(iter(groups.values()))
    pictures = [list(drawn(plan.seed, row, sensor)) for row in rows]
    aligned = islice(
        drawn(plan.seed, [(f, file.take.sample) for f, file in enumerate(plain(files))], sensor), ALIGNED
    )
    return Result(
        plan, place, registration(aligned), groups, figure(list(published(chosen)), pictures, first)
    )


def plain(files: Sequence[VeinFile]) -> Sequence[VeinFile]:
    """Return the pictures by which masks are placed: those that are only moved, if there are any."""
    still = [file for file in files if kind(file) in GROUPS["pose"]]
    return (still or files)[:ALIGNED]


def shown(files: Sequence[VeinFile]) -> list[VeinFile]:
    """Return up to three pictures of different kinds, the middle one of each."""
    kinds = [kind(file) for file in files]
    wanted = [name for name in (*SHOWN, *KINDS) if name in kinds]
    of = {name: [file for file, said in zip(files, kinds, strict=True) if said == name] for name in wanted}
    return [group[len(group) // 2] for group in list(of.values())[:ACROSS]]


def write(out: Path, result: Result) -> None:
    """Write realism.json, realism.md and realism.png into a folder, which is made."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "realism.json", told(result))
    first = next(iter(result.groups.values()))
    with atomic(out / "realism.md") as file:
        file.write((markdown(first) + "\n").encode())
    with atomic(out / "realism.png") as file:
        result.picture.save(file, "PNG", optimize=True)


def told(result: Result) -> dict[str, Any]:
    """Return everything but the figure as JSON values."""
    moves = {"published": result.published_at, "drawn": result.drawn_at}
    return {
        "plan": asdict(result.plan),
        "masks": {
            name: {"down": move[0], "right": move[1], "correlation": round(fit, 4)}
            for name, (move, fit) in moves.items()
        },
        "groups": json_of(result.groups),
    }
