"""CD6ME as six data layouts: one for each database that is left out and tested."""

from pathlib import Path
from typing import Any

from isofed.tasks.action_units.drawing.plan import Small
from isofed.tasks.action_units.labels import KEYS
from isofed.tasks.action_units.layouts import owners
from isofed.tasks.action_units.layouts.check import check
from isofed.tasks.action_units.layouts.cut import cut
from isofed.tasks.action_units.layouts.databases import DATABASES
from isofed.tasks.action_units.layouts.write import write_databases
from isofed.tasks.action_units.model import UNITS
from isofed.tasks.task import DataLayout, Progress, Samples

LEVELS = ("camera", "entity", "sharing")


def left_out(tested: str) -> DataLayout:
    """Return the layout in which five databases train and ``tested``, of ``KEYS``, is the unseen one."""

    def make(out: Path, seed: int, options: Any, spread: Any = map, progress: Progress | None = None) -> None:
        write_databases(out, seed, options, spread, progress)

    def opened(root: Path, site: str, cache: Path, chosen: Any) -> Samples:
        return owners.open_train(root, site, cache, tested, chosen)

    return DataLayout(
        name=f"cd6me_to_{tested}",
        summary=f"micro-expressions of five databases, a client each, tested on {DATABASES[tested].title}",
        options=Small,
        make=make,
        check=check,
        resolve=lambda root, chosen: {"classes": len(UNITS)},
        sites=lambda root, level: owners.sites(tested, level),
        owners=lambda level: owners.sites(tested, level),
        open_train=opened,
        open_test=lambda root, cache, chosen: owners.open_test(root, cache, tested, chosen),
        folders=lambda root, site: owners.folders(root, site, tested),
        lists=lambda root, site, chosen: cut(root, site, tested, chosen),
        levels=LEVELS,
    )


LAYOUTS: dict[str, DataLayout] = {f"cd6me_to_{key}": left_out(key) for key in KEYS}
