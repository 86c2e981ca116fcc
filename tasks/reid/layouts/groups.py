"""Several data sets side by side: each an entity that trains, and one more, unseen, that is tested on.

The folder holds each data set under the name that its publishers and L2RW use, such as ``RegDB``. Under
``entity`` every source is a client; under ``sharing`` one trainer holds them all. Nobody is in two of them,
so the head has a block of rows for each source, one after the other.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from isofed.errors import DataError
from isofed.tasks.layouts.joined import Joined
from isofed.tasks.layouts.tree import placed
from isofed.tasks.reid.layouts.buptcampus.layout import BUPTCAMPUS
from isofed.tasks.reid.layouts.common import POOLED
from isofed.tasks.reid.layouts.hitsz_vcm.layout import HITSZ_VCM
from isofed.tasks.reid.layouts.llcm.layout import LLCM
from isofed.tasks.reid.layouts.regdb.layout import REGDB, open_all_tests
from isofed.tasks.reid.layouts.sysu.layout import SYSU
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import DataLayout, Finding, Progress, Samples, Site

FOLDERS = {
    "sysu": "SYSU-MM01",
    "regdb": "RegDB",
    "llcm": "LLCM",
    "hitsz_vcm": "HITSZ-VCM",
    "buptcampus": "BUPTCampus",
}
FIRST_SPLIT = 1  # a data set with splits is, as a source, its first split's training half
LEVELS = ("entity", "sharing")


@dataclass(frozen=True)
class Pictures:
    """How much to draw for each data set of a group of pictures; see their own options."""

    identities: int = 32
    test_identities: int = 24
    images: int = 6
    height: int = 96
    width: int = 48


@dataclass(frozen=True)
class Films:
    """How much to draw for each data set of a group of films; see their own options."""

    identities: int = 24
    test_identities: int = 8
    tracklets: int = 2
    frames: int = 12
    height: int = 96
    width: int = 48


@dataclass(frozen=True)
class Group:
    """Who trains, and on what the model is tested.

    Attributes:
        sources: the entities, in the order of their blocks in the head.
        target: whose test split is used; none of the sources.
    """

    sources: tuple[DataLayout, ...]
    target: DataLayout

    @property
    def name(self) -> str:
        """As written in ``data=``."""
        return f"{'_'.join(source.name for source in self.sources)}_to_{self.target.name}"

    def sites(self, root: Path, level: str) -> tuple[Site, ...]:
        """Return the sources as sites, or the one trainer who holds them all."""
        for source in self.sources:
            source.sites(root / FOLDERS[source.name], "entity")
        return self.owners(level)

    def owners(self, level: str) -> tuple[Site, ...]:
        """Return the same, which no tree changes."""
        found = [site for source in self.sources for site in source.owners("entity") or ()]
        if level == "sharing":
            return (Site(POOLED, {"modality": "both", "place": " and ".join(site.name for site in found)}),)
        return tuple(found)

    def resolve(self, root: Path, options: ReidOptions) -> dict[str, int | str]:
        """Return the rows of the head, and of each source's block in it."""
        blocks = [
            int(s.resolve(root / FOLDERS[s.name], _as_source(options))["classes"]) for s in self.sources
        ]
        return {"classes": sum(blocks), "blocks": "+".join(map(str, blocks))}

    def open_train(self, root: Path, site: str, cache: Path, options: ReidOptions) -> Samples:
        """Open one source's training half, labelled within its block; no other source's folder is opened."""
        starts = np.cumsum([0, *(int(block) for block in options.blocks.split("+"))])
        parts = [
            _moved(s.open_train(root / FOLDERS[s.name], s.name, cache / s.name, _as_source(options)), start)
            for s, start in zip(self.sources, starts.tolist(), strict=False)
            if site in (s.name, POOLED)
        ]
        if not parts:
            names = ", ".join(s.name for s in self.sources)
            raise DataError(f"this group's entities are {names}, but the site is none of them; name it so")
        return parts[0] if len(parts) == 1 else _together(parts)

    def open_test(self, root: Path, cache: Path, options: ReidOptions) -> Any:
        """Open the target's test split; all ten of a target that has ten."""
        opener = open_all_tests if self.target is REGDB else self.target.open_test
        return opener(root / FOLDERS[self.target.name], cache, options)

    def make(
        self, out: Path, seed: int, options: Any, map: Any = map, progress: Progress | None = None
    ) -> None:
        """Draw every data set of the group into its own folder."""
        with placed(out, {"made_by": "isofed", "layout": self.name, "seed": seed}) as folder:
            for part in (*self.sources, self.target):
                known = {f.name for f in fields(part.options)}
                own = part.options(**{k: v for k, v in asdict(options).items() if k in known})
                part.make(folder / FOLDERS[part.name], seed, own, map, progress)

    def check(self, root: Path, progress: Progress | None = None) -> list[Finding]:
        """Check every data set of the group."""
        return [
            Finding(f"{FOLDERS[part.name]}: {line.what}", line.found, line.expected, line.ok)
            for part in (*self.sources, self.target)
            for line in part.check(root / FOLDERS[part.name], progress)
        ]

    def folders(self, root: Path, site: str | None = None) -> tuple[Path, ...]:
        """Return where a level may be declared: beside all, and beside each data set or a site's own."""
        own = [source for source in self.sources if site in (source.name, POOLED)]
        parts = own if site else (*self.sources, self.target)
        return (root, *(folder for part in parts for folder in part.folders(root / FOLDERS[part.name], None)))


def _as_source(options: ReidOptions) -> ReidOptions:
    return ReidOptions(**{**asdict(options), "split": FIRST_SPLIT})


def _moved(samples: Samples, start: int) -> Samples:
    return Samples(samples.inputs, samples.labels + start, samples.domains)


def _together(parts: list[Samples]) -> Samples:
    def one(pick: Callable[[Samples], np.ndarray]) -> np.ndarray:
        return np.concatenate([pick(part) for part in parts])

    return Samples(
        Joined(tuple(part.inputs for part in parts)), one(lambda s: s.labels), one(lambda s: s.domains)
    )


def layout(sources: Iterable[DataLayout], target: DataLayout, options: type[Any] = Pictures) -> DataLayout:
    """Return a group as a data layout."""
    group = Group(tuple(sources), target)
    names = " and ".join(FOLDERS[source.name] for source in group.sources)
    return DataLayout(
        name=group.name,
        summary=f"trained on {names} as entities, tested on {FOLDERS[target.name]}, which nobody saw",
        options=options,
        make=group.make,
        check=group.check,
        resolve=group.resolve,
        sites=group.sites,
        owners=group.owners,
        open_train=group.open_train,
        open_test=group.open_test,
        folders=group.folders,
        levels=LEVELS,
    )


# the three groups of L2RW, in the order of its identity numbers, and the two of L2RW+
GROUPS = {
    made.name: made
    for made in (
        layout((REGDB, LLCM), SYSU),
        layout((LLCM, SYSU), REGDB),
        layout((REGDB, SYSU), LLCM),
        layout((HITSZ_VCM,), BUPTCAMPUS, Films),
        layout((BUPTCAMPUS,), HITSZ_VCM, Films),
    )
}
