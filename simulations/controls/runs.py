"""Runs the controls that are not done yet, side by side, and gathers what they show."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.events import Emit
from isofed.server.cohorts import asked
from isofed.simulations.alongside import side_by_side
from isofed.simulations.controls.compare import Outcome, before, outcome, pair, row, verdicts
from isofed.simulations.controls.listed import CONTROLS, Control, Scene, Variant
from isofed.simulations.controls.scale import UNTRAINED, Scale
from isofed.simulations.federation import EVALUATOR, Federation, load_result
from isofed.simulations.plan import FEDERATED, Plan
from isofed.simulations.pool import Pool
from isofed.simulations.progress import Progress

FOLDER = "controls"


@dataclass(frozen=True)
class Run:
    """One federation of a control: the row it belongs to, and its seed."""

    control: Control
    row: str
    seed: int
    federation: Federation


def planned(scene: Scene) -> Iterator[Run]:
    """Yield the runs of all controls that make sense here; the run itself is the first."""
    base = scene.plan.switches.seed
    for control in CONTROLS:
        for variant in control.variants(scene):
            name = f"{variant.of} {control.name}".strip()
            for seed in range(base, base + control.seeds):
                yield Run(control, name, seed, _federation(scene, name, variant, seed))


def _federation(scene: Scene, name: str, variant: Variant, seed: int) -> Federation:
    plan = scene.plan
    if name == FEDERATED and seed == plan.switches.seed:
        return plan.federation(FEDERATED, scene.sites)
    folder = name.replace(",", "").replace(" ", "-")
    # only the last round's model is compared
    changes = {**variant.changes, "seed": seed, "evaluate_every": 0}
    return plan.federation(f"{FOLDER}/{folder}/seed{seed}", variant.sites, **changes)


def announce(plan: Plan, sites: tuple[str, ...], progress: Progress) -> None:
    """Say how many runs are to come and add them to what progress expects, before anything has run."""
    # which runs there are does not depend on the steps, only how many epochs some of them take
    scene = Scene(plan, sites, dict.fromkeys(sites, 1))
    count = sum(not run.federation.done for run in planned(scene) if run.federation.name != FEDERATED)
    progress.total += count * plan.switches.rounds * asked(plan.setting(), len(sites))
    if count:
        progress.say(f"controls: {count} more runs, each about as long as the federation itself")


def run(plan: Plan, sites: tuple[str, ...], pool: Pool, progress: Progress, emit: Emit) -> dict[str, Any]:
    """Run the controls after the federation itself, and compare.

    Args:
        plan: with the number of classes known.
        sites: the run's sites.
        pool: its workers take a run each.
        progress: a run counts as much as the whole federation, however few its sites.
        emit: told of every run's events.

    Returns:
        ``rows``, ``pairs`` and ``verdicts``, for summary.json and the report.
    """
    federated = plan.federation(FEDERATED, sites)
    runs = list(planned(Scene(plan, sites, *_steps(load_result(federated), sites))))
    each = asked(plan.setting(), len(sites))
    share = {r.federation.name: each // min(each, len(r.federation.sites)) for r in runs}
    results = side_by_side([r.federation for r in runs], pool, _weighed(share, progress, emit))
    found: dict[str, dict[int, Outcome]] = {}
    for r in runs:
        found.setdefault(r.row, {})[r.seed] = outcome(results[r.federation.name])
    scale = Scale.of(plan)
    still = {UNTRAINED: before(results[FEDERATED])} if scale.nothing == UNTRAINED else {}
    return _compared(runs, found, still | _baselines(federated, plan, pool), scale)


def _steps(result: Mapping[str, Any], sites: tuple[str, ...]) -> tuple[dict[str, int], int]:
    """Return each site's steps, were it asked in each round, and those of all sites as they were.

    A site that no round asked is taken for one like the others.
    """
    rounds = [entry["steps"] for entry in result["history"] if "steps" in entry]
    taken = {site: [int(each[site]) for each in rounds if site in each] for site in sites}
    total, times = sum(map(sum, taken.values())), sum(map(len, taken.values()))
    usual = round(len(rounds) * total / times) if times else 0
    steps = {s: round(len(rounds) * sum(own) / len(own)) if own else usual for s, own in taken.items()}
    return steps, total


def _weighed(share: Mapping[str, int], progress: Progress, emit: Emit) -> Emit:
    """Return a sink under which a reply counts for as many sites' rounds as it took steps."""

    def heard(name: str, **fields: Any) -> None:
        if name == "reply":
            progress.done += share[fields["run"]] - 1
        emit(name, **fields)

    return heard


def _compared(
    runs: list[Run],
    found: Mapping[str, Mapping[int, Outcome]],
    baselines: Mapping[str, Outcome],
    scale: Scale,
) -> dict[str, Any]:
    of = {r.row: r.control for r in runs}
    rows = [row(name, of[name].what, seeds, scale) for name, seeds in found.items()]
    rows += [row(name, "nothing is trained", {None: each}, scale) for name, each in baselines.items()]
    pairs = [
        pair(of[name].shows, name, found[FEDERATED], seeds, scale)
        for name, seeds in found.items()
        if of[name].shows
    ]
    return {"rows": rows, "pairs": pairs, "verdicts": verdicts(rows, pairs, scale)}


def _baselines(federation: Federation, plan: Plan, pool: Pool) -> dict[str, Outcome]:
    names = plan.setting().task.baselines
    running = {name: pool.submit(measure, federation, name) for name in names}
    return {name: future.result() for name, future in running.items()}


def measure(federation: Federation, name: str) -> Outcome:
    """Return one of the task's baselines on the evaluator's data: no model, no step."""
    shop = Workshop.of(json.dumps(federation.cfg))
    task = shop.setting.task
    test = shop.test_data(Place.of(federation.nodes()[EVALUATOR].config))
    found = task.result(task.baselines[name](test, shop.setting.options))
    return Outcome(found["mean"], found["spread"], 0)
