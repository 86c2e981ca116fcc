"""Who takes part in a deployed run: the approved sites of its task, layout and level."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isofed.client.place import EVALUATOR, TRAINER
from isofed.errors import CompositionError, ConfigError
from isofed.server.hub.sites import Site
from isofed.simulations.engine import Deployment
from isofed.simulations.plan import Plan
from isofed.suggest import unknown

NOWHERE = 10  # from here on, numbers of nodes that the SuperLink does not know
SAME = ("task", "layout", "level")


@dataclass(frozen=True)
class Members:
    """Those who take part.

    Args:
        sites: number of the node by name, of those that train.
        evaluators: of those that measure.
        facts: what each training site says of itself, for summary and report.
        classes: rows of a common head, or None where they do not say.
    """

    sites: Mapping[str, int]
    evaluators: Mapping[str, int]
    facts: Mapping[str, Mapping[str, Any]]
    classes: int | None

    @property
    def names(self) -> tuple[str, ...]:
        """All, in the order of their names."""
        return tuple(sorted({*self.sites, *self.evaluators}))


def members(known: Sequence[Site], plan: Plan, deployment: Deployment, begun: bool = False) -> Members:
    """Return who takes part in a run.

    Args:
        known: the register.
        plan: of the run.
        deployment: its ``engine`` group; where it names sites, those and no others.
        begun: whether the run is continued: a site that was revoked meanwhile is then one that is absent.

    Raises:
        ConfigError: it names a site that is not there, not approved, or of another task, layout or level.
        CompositionError: nobody is left, they number other classes, or they are fewer than the minimum.
    """
    wanted = _wanted(plan)
    named = [name for part in deployment.sites.split(",") if (name := part.strip())]
    found = [*(_picked(known, wanted, named, begun) if named else _fitting(known, wanted))]
    numbers = {site.name: _number(site) or NOWHERE + place for place, site in enumerate(found)}
    roles = {site.name: site.manifest.get("role", TRAINER) for site in found}
    trainers = [site for site in found if roles[site.name] != EVALUATOR]
    if not trainers:
        raise CompositionError(_nobody(known, wanted))
    if len(trainers) < deployment.minimum:
        raise CompositionError(
            f"engine.minimum is {deployment.minimum}, but only {len(trainers)} approved sites fit this run; "
            f"invite more, or write engine.minimum={len(trainers)}"
        )
    return Members(
        {site.name: numbers[site.name] for site in trainers},
        {name: number for name, number in numbers.items() if roles[name] == EVALUATOR},
        {site.name: {**site.manifest.get("facts", {}), **_counts(site)} for site in trainers},
        _classes(trainers, plan),
    )


def _wanted(plan: Plan) -> dict[str, str]:
    cfg = plan.cfg
    return {
        "task": cfg["task"]["name"],
        "layout": plan.data.layout,
        "level": cfg["protocol"]["name"],
    }


def _fitting(known: Iterable[Site], wanted: Mapping[str, str]) -> Iterable[Site]:
    return (site for site in known if site.state == "approved" and not _apart(site, wanted))


def _picked(
    known: Sequence[Site], wanted: Mapping[str, str], named: Iterable[str], begun: bool
) -> Iterable[Site]:
    by_name = {site.name: site for site in known}
    for name in sorted(set(named)):
        if name not in by_name:
            raise unknown("site", name, by_name)
        site = by_name[name]
        if site.state != "approved" and not begun:
            raise ConfigError(f"'{name}' is {site.state}, but only approved sites take part; leave it out")
        if apart := _apart(site, wanted):
            key, value = apart
            raise ConfigError(
                f"'{name}' has {key} '{value}', but the run has '{wanted[key]}'; leave it out of sites=, or "
                "choose what fits it"
            )
        yield site


def _number(site: Site) -> int:
    return site.node if site.state == "approved" else 0


def _apart(site: Site, wanted: Mapping[str, str]) -> tuple[str, Any] | None:
    """Return in what a site differs from what a run wants, and how."""
    pairs = ((key, site.manifest.get(key)) for key in SAME)
    return next(((key, value) for key, value in pairs if value != wanted[key]), None)


def _nobody(known: Iterable[Site], wanted: Mapping[str, str]) -> str:
    run = f"task={wanted['task']} data={wanted['layout']} protocol={wanted['level']}"
    there = {tuple(str(site.manifest.get(key)) for key in SAME) for site in known if site.state == "approved"}
    if not there:
        return "no site is approved yet; see isofed server invite, then isofed server approve"
    rest = "; ".join(f"task={task} data={layout} protocol={level}" for task, layout, level in sorted(there))
    return f"no approved site trains for {run}; those that are approved are for {rest}"


def _counts(site: Site) -> dict[str, Any]:
    counts = site.manifest.get("counts", {})
    return dict(counts) if isinstance(counts, Mapping) else {}


def _classes(trainers: Iterable[Site], plan: Plan) -> int | None:
    """Return the rows of the common head, which all must agree on where there is one."""
    said = {site.name: site.manifest.get("classes") for site in trainers}
    numbers = {number for number in said.values() if isinstance(number, int)}
    if plan.setting().level.private_head or not numbers:
        return None
    if len(numbers) > 1:
        each = ", ".join(f"{name} {number}" for name, number in said.items())
        raise CompositionError(
            f"the sites do not number the same classes ({each}); give them the same lists, or choose sites="
        )
    return numbers.pop()
