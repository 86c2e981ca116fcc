"""The runs: one pretraining, and of each seed from both starts local, federated and pooled ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isofed.errors import CompositionError
from isofed.simulations.command import composed
from isofed.simulations.experiments.vein.options import PUBLIC_SEED, VeinExperiment
from isofed.simulations.federation import CHECKPOINTS, Federation
from isofed.simulations.plan import Plan, make_plan
from isofed.simulations.simulate import resolved
from isofed.tasks.task import names

SCRATCH, PRETRAINED = "scratch", "pretrained"
LOCAL, FEDERATED, POOLED = "local", "federated", "pooled"
STARTS, WAYS = (SCRATCH, PRETRAINED), (LOCAL, FEDERATED, POOLED)
TENTH = "tenth"
DATA, PUBLIC = "data", "public"  # folders
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Arm:
    """One run of the experiment.

    Attributes:
        start: "scratch" or "pretrained".
        way: "local", "federated" or "pooled".
        seed: of the run and of its sites' fingers.
        federation: what runs.
        site: who trains, of a local one.
    """

    start: str
    way: str
    seed: int
    federation: Federation
    site: str = ""


@dataclass(frozen=True)
class Plans:
    """Configurations, read once and refused early.

    Attributes:
        public: of the pretraining.
        sites: of the federations.
        pooled: of one trainer who holds everything.
    """

    public: Plan
    sites: Plan
    pooled: Plan

    def of(self, seed: int) -> "Plans":
        """Return the plans of one seed, its own data and weights; the data that are there are looked into."""
        return replace(self, sites=_of(self.sites, seed), pooled=_of(self.pooled, seed))


def plans(options: VeinExperiment, folder: Path) -> Plans:
    """Return what will run in ``folder``.

    Raises:
        ConfigError, CompositionError: one sentence each.
    """
    seen = {"backbone": options.backbone, "height": options.height, "width": options.width}
    task = {**seen, "batch": options.batch}
    few = {"share": options.share, "images": options.few_images, "local_epochs": options.local_epochs}
    sites = _site_data(options)
    found = Plans(
        _plan(
            folder / PUBLIC, options, "sharing", "fedavg", _public_data(options), _public_task(options, task)
        ),
        _plan(folder, options, options.protocol, options.strategy, sites, {**task, **few}),
        _plan(folder, options, "sharing", "fedavg", sites, {**task, **few}),
    )
    setting = found.sites.setting()
    if not setting.evaluable or setting.recipe.personal:
        raise CompositionError(
            f"strategy '{options.strategy}' keeps a part of the network at the sites, where nobody tests it "
            "on fingers of others; use strategy=fedavg"
        )
    return found


def _public_data(options: VeinExperiment) -> Values:
    make = {"fingers": options.drawn, "samples": options.images, "parts": "rois"}
    return {"layout": "fingerveinsyn", "seed": PUBLIC_SEED, "make": make}


def _public_task(options: VeinExperiment, task: Values) -> Values:
    return {
        **task,
        "rule": TENTH,
        "rate": options.pretrain_rate,
        "margin_angle": options.pretrain_margin,
    }


def _site_data(options: VeinExperiment) -> Values:
    make = {
        "sensors": options.sensors,
        "unseen": options.unseen,
        "fingers": options.site_fingers,
        "samples": options.site_images,
        "schedule": options.schedule,
    }
    return {"layout": "vein_sensors", "make": make}


def _plan(
    folder: Path, options: VeinExperiment, protocol: str, strategy: str, data: Values, task: Values
) -> Plan:
    groups = [f"data={data['layout']}", "task=vein", f"protocol={protocol}", f"strategy={strategy}"]
    cfg = composed([*groups, "tensorboard=false", "alone=false", "evaluate_every=0"])
    public = data["layout"] == "fingerveinsyn"
    changed = {
        "data": {**cfg["data"], **data, "make": {**cfg["data"]["make"], **data["make"]}},
        "task": {**cfg["task"], **task},
        "rounds": options.epochs if public else options.rounds,
        # the same wherever the folder lies
        "run": "vein-experiment",
        "engine": {**cfg["engine"], "workers": options.workers or "auto", "device": "cpu"},
    }
    return make_plan({**cfg, **changed}, folder)


def _of(plan: Plan, seed: int) -> Plan:
    """Return the plan of one seed, in a folder of its own."""
    folder = plan.folder / f"seed{seed}"
    return replace(plan, folder=folder, data=replace(plan.data, seed=seed))


def pretraining(plan: Plan) -> Federation:
    """Return the pretraining, whose network every repetition begins from."""
    return replace(resolved(plan).federation("network", ("pooled",), seed=PUBLIC_SEED), name="pretraining")


def weights(federation: Federation) -> Path:
    """Return where a run leaves its last weights."""
    return federation.folder / CHECKPOINTS / f"round_{int(federation.cfg['rounds']):06d}.ckpt"


def prune(federation: Federation) -> None:
    """Remove all checkpoints of a finished run but the last, which nobody would go on from."""
    for old in sorted((federation.folder / CHECKPOINTS).glob("round_*.ckpt"))[:-1]:
        old.unlink()


def arms(found: Plans, options: VeinExperiment, seed: int, start: str, given: Path | None) -> Iterator[Arm]:
    """Yield one seed's runs from one start.

    Args:
        found: that seed's plans, its data drawn.
        options: of the experiment.
        seed: which.
        start: "scratch" or "pretrained".
        given: the pretrained weights, or None.
    """
    rate, frozen = (options.scratch_rate, 0) if start == SCRATCH else (options.tuned_rate, options.frozen)
    sites = tuple(names(found.sites.layout.sites(found.sites.root, options.protocol)))

    def arm(way: str, plan: Plan, who: tuple[str, ...], site: str = "") -> Arm:
        changes = {"seed": seed, "task": {**plan.cfg["task"], "rate": rate, "frozen": frozen}}
        place = f"{start}/{way}" + (f"/{site}" if site else "")
        made = plan.federation(place, who, **changes)
        named = replace(made, name=f"seed {seed}, {start}, {site or way}", weights=given)
        return Arm(start, way, seed, named, site)

    for site in sites:
        yield arm(LOCAL, found.sites, (site,), site)
    yield arm(FEDERATED, found.sites, sites)
    yield arm(POOLED, resolved(found.pooled), ("pooled",))
