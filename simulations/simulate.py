"""The main job, step by step: data, caches, federation, each site alone, controls, summary, report.

Every step leaves a file when it is done and begins where that file is missing, so that a run killed at
any moment continues inside its folder and ends with the same weights.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isofed.client.workshop import Workshop
from isofed.errors import BudgetError, CheckpointError, ConfigError, RoundError
from isofed.events import Emit, fan_out, silent, within
from isofed.files import write_json
from isofed.population import Numbered
from isofed.simulations import controls, early, holdings
from isofed.simulations.alongside import side_by_side
from isofed.simulations.choice import remembered, settled
from isofed.simulations.ending import Seen, board, ended, publish, seconds
from isofed.simulations.facts import Open, same
from isofed.simulations.federation import Federation, load_result, run, tell
from isofed.simulations.folder import REPORT, again, claim, deployed, finished, load_config, sweep
from isofed.simulations.lock import locked
from isofed.simulations.meter import Meter
from isofed.simulations.own import note
from isofed.simulations.pictures import gallery, projection, scores
from isofed.simulations.plan import FEDERATED, Plan, make_plan, runnable
from isofed.simulations.pool import Pool
from isofed.simulations.profile import following
from isofed.simulations.progress import Progress
from isofed.simulations.public import draw_public
from isofed.simulations.ray_engine import RayEngine
from isofed.simulations.stopwatch import Stopwatch
from isofed.simulations.summary import summarise, table
from isofed.tasks.task import names

FACTS, PUBLIC = "facts.json", "public.json"
LOG = "errors.log"  # of a site, see client/app.py


@dataclass
class Job:
    """One simulation under way."""

    plan: Plan
    pool: Pool
    progress: Progress
    watch: Stopwatch
    emit: Emit = silent
    sites: Sequence[str] = ()


def simulate(cfg: Mapping[str, Any], folder: Path, overrides: list[str]) -> dict[str, Any]:
    """Run or continue a simulation in ``folder`` and return its summary.

    Args:
        cfg: the composed configuration, or the saved one.
        folder: the run's folder.
        overrides: what the user wrote, for the report's command.

    Raises:
        CheckpointError: the folder holds another run, or a process works in it.
        BudgetError: it ended early, its sites having spent their privacy budget; summary and report of the
            rounds before are there.
    """
    begun = time.monotonic()
    plan = runnable(make_plan(remembered(cfg, folder), folder))
    with locked(folder):
        watch = Stopwatch.start(folder / "seconds.json", since=begun)
        claim(folder, plan.cfg, overrides)
        summary = finished(folder)
        if summary is not None:
            print(f"{table(summary)}\n\nthis run is finished; report: {folder / REPORT}")
            early.refuse(summary, folder)
            return summary
        sweep(folder)
        return _pooled(plan, watch)


def resume(folder: Path) -> dict[str, Any]:
    """Continue a run from its own config.json.

    Raises:
        CheckpointError: the folder holds no run, or one of deployed sites.
    """
    cfg, overrides = load_config(folder)
    if deployed(cfg):
        raise CheckpointError(
            f"the run in '{folder}' is one of deployed sites; continue it with: {again(folder, cfg)}"
        )
    return simulate(cfg, folder, overrides)


def _pooled(plan: Plan, watch: Stopwatch) -> dict[str, Any]:
    meter = Meter()
    job = Job(plan, _pool(plan), Progress(0, enabled=plan.switches.progress), watch)
    meter.start()
    try:
        summary = _run(job, meter)
    except BrokenProcessPool:
        job.pool.stop(now=True)
        raise RoundError(
            "a worker process was ended from outside, perhaps because memory ran out; make room and continue "
            f"with: {again(plan.folder, plan.cfg)}"
        ) from None
    except RoundError as error:
        job.pool.stop(now=True)
        raise RoundError(f"{error}{_logged(str(error), plan.homes)}") from None
    except BaseException:
        job.pool.stop(now=True)
        raise
    job.pool.stop()
    return summary


def _logged(said: str, homes: Path) -> str:
    """Return where the log lies that a refusal speaks of, and its last line: here both may be said."""
    logs = sorted(homes.glob(f"*/{LOG}"), key=lambda log: log.stat().st_mtime) if LOG in said else []
    return "".join(f"; {log} ends with: {log.read_text().strip().splitlines()[-1]}" for log in logs[-1:])


def _pool(plan: Plan) -> Pool:
    """Start the workers; with ``engine=ray`` they prepare data and pictures, and Ray serves the sites."""
    engine = plan.engine
    pool = Pool.start(engine.workers, engine.threads_per_client, engine.device)
    if plan.cfg["engine"]["name"] != "ray":
        return pool
    return replace(pool, engine=RayEngine(engine.workers, engine.threads_per_client))


def _run(job: Job, meter: Meter) -> dict[str, Any]:
    sinks, progress = board(job.plan), job.progress
    job.emit = fan_out(progress, job.watch, *sinks)
    progress.say(f"writing into {job.plan.folder}")
    if (said := note(job.plan.setting())) is not None:
        progress.say(said)
    facts = _prepare(job)
    _settle(job, facts)
    job.watch.ready()
    plan, sites = job.plan, job.sites
    federations = _federations(plan, sites)
    progress.total = sum(f.left for f in federations)
    full = plan.switches.controls == "full"
    if full:
        controls.announce(plan, tuple(sites), progress)
    results = _train(job, federations)
    full = full and early.ENDED not in results[FEDERATED]
    extra = controls.run(plan, tuple(sites), job.pool, progress, job.emit) if full else None
    spent = seconds(job.watch, results)
    summary = summarise(plan, facts, results, spent, meter.stop(), extra, len(sites))
    publish(plan, summary, results, progress, _seen(job))
    for sink in sinks:
        sink.close()
    early.refuse(summary, plan.folder)
    return summary


def _settle(job: Job, facts: Mapping[str, Any]) -> None:
    """Choose processes and threads where they are left open, and work with those from here on."""
    plan = settled(job.plan, job.sites, facts, job.progress.say)
    if plan.engine != job.plan.engine:
        # what a run that is resumed would begin with
        job.pool.stop()
        job.pool = _pool(plan)
    job.plan = plan


def resolved(plan: Plan) -> Plan:
    """Return the plan with those of the task's options that only the data can tell."""
    setting = plan.setting()
    found, given = dict(plan.layout.resolve(plan.root, setting.options)), setting.options.classes
    if setting.level.private_head:
        found["classes"] = given  # every site numbers its own
    if 0 < given < int(found["classes"]):
        raise ConfigError(f"'task.classes' is {given}, but the data number {found['classes']}; leave it at 0")
    found["classes"] = given or found["classes"]
    # all else was read and checked before; to read it again would walk a large tree again
    return replace(plan, cfg={**plan.cfg, "task": {**plan.cfg["task"], **found}})


def _prepare(job: Job) -> dict[str, Any]:
    """Draw the data if there are none, open every site's samples, and say what each site holds.

    Afterwards the job knows its sites, and its plan the number of classes.

    Raises:
        CheckpointError: a run that is continued began with other data.
    """
    plan = job.plan
    _read_weights(plan)
    if plan.data.root is None and not plan.root.exists():
        options = plan.layout.options(**plan.data.make)
        told = lambda done, total: job.progress.step(f"drawing {plan.words[0]}s", done, total)  # noqa: E731
        plan.layout.make(plan.root, plan.data.seed, options, job.pool.map, told)
    sites = plan.layout.sites(plan.root, plan.cfg["protocol"]["name"])
    plan = job.plan = resolved(plan)
    job.sites = names(sites)
    federation = plan.federation(FEDERATED, job.sites)
    opened = _opened(job, federation)
    _public(job, federation)
    facts = {}
    if not isinstance(sites, Numbered):
        facts = {site.name: {**site.facts, **found} for site, found in zip(sites, opened, strict=False)}
    same(plan.folder / FACTS, facts, plan.words)
    write_json(plan.folder / FACTS, facts)
    _held(job, federation, list(facts))
    return facts


def _read_weights(plan: Plan) -> None:
    """Read public weights into a model, so that what is wrong with them is said before data are drawn."""
    if plan.switches.weights and not (plan.folder / FACTS).exists():
        setting = plan.setting()
        sized = replace(setting.options, classes=max(setting.options.classes, 1))
        _ = Workshop(replace(setting, options=sized), weights=Path(plan.switches.weights)).model


def _held(job: Job, federation: Federation, sites: list[str]) -> None:
    """Write down which labels each site holds, for the report's picture."""
    if 0 < len(sites) <= holdings.SITES:
        counts = dict(zip(sites, job.pool.map(holdings.Holds(federation), sites, 1), strict=True))
        found = holdings.binned(counts, job.plan.setting().level.private_head)
        write_json(job.plan.folder / holdings.FILE, found)


def _opened(job: Job, federation: Federation) -> list[dict[str, int]]:
    """Open the data of all sites and of the evaluator; of sites that nobody lists, the evaluator's alone."""
    listed = () if isinstance(job.sites, Numbered) else job.sites
    job.progress.step(f"opening {job.plan.words[0]}s of sites", 0, len(listed))
    return list(job.pool.map(Open(federation), [*listed, None], 1))


def _public(job: Job, federation: Federation) -> None:
    """Draw and open the server's own data where the strategy learns from them."""
    plan, setting = job.plan, job.plan.setting()
    if not setting.recipe.learns:
        return
    words = f"drawing public {plan.words[0]}s"
    told = lambda done, total: job.progress.step(words, done, total)  # noqa: E731
    draw_public(plan.public, plan.layout, plan.data.make, plan.folder, job.pool.map, told)
    room = federation.classroom(setting)
    assert room is not None
    facts = {"the server": {"images": len(room.samples)}}
    same(plan.folder / PUBLIC, facts, plan.words)
    write_json(plan.folder / PUBLIC, facts)


def _federations(plan: Plan, sites: Sequence[str]) -> list[Federation]:
    federated = plan.federation(FEDERATED, sites)
    if not plan.switches.alone or len(sites) == 1:
        return [federated]
    return [federated, *(plan.federation(f"alone/{site}", (site,), evaluate_every=0) for site in sites)]


def _train(job: Job, federations: list[Federation]) -> dict[str, Any]:
    """Run the federation over all workers, then the small ones side by side, one a worker."""
    federated, *alone = federations
    for done in (f for f in federations if f.done):
        tell(load_result(done)["history"], within(job.emit, run=done.name))
    first = load_result(federated) if federated.done else _federated(job, federated)
    if early.ENDED in first:
        job.progress.say("it ended early; sites are not trained alone, for more rounds than these")
        return {federated.name: first}
    return {federated.name: first} | side_by_side(alone, job.pool, job.emit)


def _federated(job: Job, federation: Federation) -> dict[str, Any]:
    try:
        return _rounds(job, federation)
    except BudgetError as error:
        return ended(federation, error)


def _rounds(job: Job, federation: Federation) -> dict[str, Any]:
    plan = job.plan
    if not plan.switches.profile:
        return run(federation, job.pool, job.emit)
    with following(plan.folder, plan.switches.rounds, plan.engine.device, job.emit) as emit:
        return run(federation, job.pool, emit)


def _seen(job: Job) -> Seen:
    """Return what the final model makes of the test data, which lie on this machine."""
    federated = job.plan.federation(FEDERATED, job.sites)
    points = job.pool.submit(projection, federated).result() if job.plan.switches.tensorboard else None
    rows, curves = (job.pool.submit(show, federated).result() for show in (gallery, scores))
    return Seen(rows, points, curves)
