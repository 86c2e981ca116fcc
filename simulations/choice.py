"""How many processes, of how many threads, a run takes: chosen once, by a short measurement, and saved.

The weights do not depend on the number of processes. They do on that of threads, which is why it is only
chosen where a user writes ``engine.threads_per_client=auto``, and is never chosen anew.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from isofed.files import write_json
from isofed.server.cohorts import asked
from isofed.simulations.controls.listed import Scene
from isofed.simulations.controls.runs import planned
from isofed.simulations.engine import AUTO, Engine, cores
from isofed.simulations.federation import Federation
from isofed.simulations.folder import CONFIG, load_config, settle
from isofed.simulations.plan import FEDERATED, Plan
from isofed.simulations.pool import method
from isofed.simulations.trial import tried
from isofed.simulations.ways import Load, Way, choose, cost, lasting, named

FILE = "engine.json"
NUMBERS = ("workers", "threads_per_client")
SHORT, LONG = 1.0, 30.0  # seconds, for processes alone; for threads, which are not tried unasked


def remembered(cfg: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a configuration with the numbers that the run in a folder has saved where it says ``auto``.

    Raises:
        CheckpointError: what the folder holds is damaged.
    """
    given = cfg.get("engine")
    if not isinstance(given, Mapping) or not (folder / CONFIG).exists():
        return dict(cfg)
    saved = load_config(folder)[0].get("engine", {})
    known = {key: saved[key] for key in NUMBERS if given.get(key) == AUTO and key in saved}
    return {**cfg, "engine": {**given, **known}}


def settled(plan: Plan, sites: Sequence[str], facts: Mapping[str, Any], say: Callable[[str], None]) -> Plan:
    """Return the plan with numbers where its engine says ``auto``, once they are in the run's config.json.

    What was measured stands beside it in engine.json.

    Args:
        plan: with the number of classes known, and its data ready.
        sites: of the federation.
        facts: of each site; nothing where they are not listed.
        say: told the choice in a line.
    """
    left = [key for key in NUMBERS if plan.cfg["engine"][key] == AUTO]
    if not left:
        return plan
    begun = time.monotonic()
    images = {name: int(found["images"]) for name, found in facts.items()}
    load = Load(asked(plan.setting(), len(sites)), beside(plan, sites))
    choice = measured(plan.federation(FEDERATED, sites), plan.engine, left, load, images)
    engine = replace(plan.engine, workers=choice.way.workers, threads_per_client=choice.way.threads)
    write_json(plan.folder / FILE, choice.said() | {"seconds": time.monotonic() - begun})
    cfg = {**plan.cfg, "engine": {**plan.cfg["engine"], **asdict(engine)}}
    settle(plan.folder, engine=cfg["engine"])
    say(choice.words)
    return replace(plan, cfg=cfg, engine=engine)


def beside(plan: Plan, sites: Sequence[str]) -> int:
    """Return r: what the sites alone, and controls, ask for in each round."""
    alone = len(sites) if plan.switches.alone and len(sites) > 1 else 0
    if plan.switches.controls == "none":
        return alone
    each = asked(plan.setting(), len(sites))
    runs = planned(Scene(plan, tuple(sites), dict.fromkeys(sites, 1)))
    return alone + sum(min(each, len(run.federation.sites)) for run in runs)


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Args:
        way: the way of working.
        tried: the ways that were compared, with what was measured.
        load: for which.
        why: in a few words.
    """

    way: Way
    tried: tuple[Way, ...]
    load: Load
    why: str

    @property
    def words(self) -> str:
        """The choice in a line."""
        return f"{named(self.way)}: {self.why}"

    def said(self) -> dict[str, Any]:
        """Return the choice as JSON values."""
        ways = [{**asdict(way), "round": cost(way, self.load)} for way in self.tried]
        chosen = {"workers": self.way.workers, "threads_per_client": self.way.threads}
        load = {"asked": self.load.asked, "beside": self.load.beside, "bytes": self.load.size}
        return {**chosen, "words": self.words, "cores": cores(), **load, "tried": ways}


def measured(
    federation: Federation, engine: Engine, left: Sequence[str], load: Load, images: Mapping[str, int]
) -> Choice:
    """Choose what is left open of an engine, measuring as little as will do.

    Args:
        federation: whose first round is tried.
        engine: with what is taken where nothing can be measured.
        left: of ``NUMBERS``.
        load: without bytes.
        images: of sites, to choose the one that is tried.
    """
    usual = Way(engine.workers, engine.threads_per_client)
    choice = Choice(usual, (), load, "")
    if "workers" in left:
        choice = _workers(federation, usual, load, images)
    if "threads_per_client" in left:
        most = 1 if "workers" in left else engine.workers
        choice = _threads(federation, choice, Way(most, cores() // most), images)
    return choice


def _workers(federation: Federation, usual: Way, load: Load, images: Mapping[str, int]) -> Choice:
    """Choose between all workers and this process alone, as one process works while the others rest."""
    here = Way(1, usual.threads)
    if load.asked + load.beside <= 1:
        return Choice(here, (), load, "a round asks one site")
    if method(usual.threads) != "fork":
        return Choice(usual, (), load, "to measure would take longer than it could spare")
    found = tried(federation, images, 1, usual.threads, SHORT)
    if found is None:
        return Choice(usual, (), load, f"a site's round could not be timed within {SHORT:g} s")
    load = replace(load, size=found[1])
    ways = replace(usual, seconds=found[0]), replace(here, seconds=found[0])
    return Choice(choose(*ways, load), ways, load, f"a site's round takes {lasting(found[0])}")


def _threads(federation: Federation, before: Choice, other: Way, images: Mapping[str, int]) -> Choice:
    """Choose between what was chosen for one thread and another way, each as it would work."""
    usual = before.way
    one, two = (tried(federation, images, way.workers, way.threads, LONG) for way in (usual, other))
    if one is None or two is None:
        slow = usual if one is None else other
        return Choice(usual, (), before.load, f"{named(slow)} could not be timed within {LONG:g} s")
    load = replace(before.load, size=one[1])
    usual, other = replace(usual, seconds=one[0]), replace(other, seconds=two[0])
    if choose(usual, other, load) is usual:
        return Choice(usual, (usual, other), load, _compared(one[0], other, two[0]))
    return Choice(other, (usual, other), load, _compared(two[0], usual, one[0]))


def _compared(seconds: float, rest: Way, slower: float) -> str:
    return f"a site's round takes {lasting(seconds)}, with {named(rest)} {lasting(slower)}"
