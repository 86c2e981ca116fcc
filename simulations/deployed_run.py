"""``isofed run``: the loop, strategies and report of a simulation, with approved sites instead of its own."""

import json
import logging
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from isofed.client.memory import Memory
from isofed.client.workshop import Workshop
from isofed.errors import BudgetError, CheckpointError, CompositionError, ConfigError, RoundError
from isofed.events import Emit, fan_out, silent
from isofed.files import write_json
from isofed.protocols.runtime import Door, opened, start_run, stop_runs
from isofed.room import lent_by
from isofed.scratch import filed
from isofed.seeds import Secrets, site_secrets
from isofed.server.cohorts import asked
from isofed.server.hub.authority import register
from isofed.server.hub.deployed import DeployedGrid, Rule
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.nodes import door
from isofed.server.hub.watch import Watch
from isofed.server.loop import Patience
from isofed.simulations import early, ending
from isofed.simulations.deployable import answers, deployable
from isofed.simulations.engine import DEPLOYED, Deployment, read_deployment
from isofed.simulations.facts import same
from isofed.simulations.federation import (
    RESULT,
    Company,
    Federation,
    driven,
    load_result,
    tell,
    weights_digest,
)
from isofed.simulations.folder import CONFIG, REPORT, claim, continuing, finished, load_config, settle, sweep
from isofed.simulations.grown import made_in_files
from isofed.simulations.heap import give_back
from isofed.simulations.journal import Journal
from isofed.simulations.lock import locked
from isofed.simulations.members import Members, members
from isofed.simulations.meter import Meter
from isofed.simulations.own import note
from isofed.simulations.plan import FEDERATED, Plan, make_plan
from isofed.simulations.progress import Progress
from isofed.simulations.stopwatch import Stopwatch
from isofed.simulations.summary import summarise, table
from isofed.strategies.robust.rule import fewest as needs
from isofed.suggest import pick

EVENTS, FACTS, SECRET = "events.jsonl", "facts.json", "server.secret"
RUNS = "runs"  # in the server's folder: locked while one runs
RULE = ("minimum", "deadline", "attempts", "absent")  # of the engine group: what may change on the way
POLL = 0.02
NO_PICTURES = "pictures and embeddings: none, because the server holds no data"


@dataclass
class Job:
    """One deployed run under way."""

    plan: Plan
    deployment: Deployment
    progress: Progress
    watch: Stopwatch
    emit: Emit = silent

    @property
    def hub(self) -> HubFolder:
        """The server's folder."""
        return HubFolder(Path(self.deployment.hub))


def deploy(cfg: Mapping[str, Any], folder: Path, overrides: list[str]) -> dict[str, Any]:
    """Run or continue a federation of deployed sites in ``folder`` and return its summary.

    Args:
        cfg: the composed configuration, or the saved one.
        folder: the run's folder.
        overrides: what the user wrote, for the report's command.

    Raises:
        CheckpointError: the folder holds another run, or a process works in it.
        ConfigError, CompositionError: nobody can take part, or something that real sites cannot do.
        BudgetError: it ended early, its sites having spent their privacy budget; summary and report of the
            rounds before are there. It can be continued, once they have more.
    """
    begun = time.monotonic()
    plan = deployable(make_plan(remembered(cfg, folder), folder))
    deployment = read_deployment(plan.cfg["engine"])
    logging.getLogger("flwr").setLevel(logging.ERROR)
    with locked(Path(deployment.hub) / RUNS), locked(folder):
        watch = Stopwatch.start(folder / "seconds.json", since=begun)
        # the run's name is on the disk before anybody is asked: a site's memory is filed under it
        claim(folder, plan.cfg, overrides)
        summary = finished(folder)
        # one that ended early goes on, because its sites may have more budget by now
        if summary is not None and early.said(summary) is None:
            print(f"{table(summary)}\n\nthis run is finished; report: {folder / REPORT}")
            return summary
        sweep(folder)
        job = Job(plan, deployment, Progress(0, enabled=plan.switches.progress), watch)
        try:
            return _run(job)
        except BudgetError as error:
            raise BudgetError(
                f"{error}; where sites raise their limits, continue with: {continuing(folder, 'run')}"
            ) from None
        except RoundError as error:
            raise RoundError(f"{error}; continue with: {continuing(folder, 'run')}") from None


def resume(folder: Path, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Continue a run from its own config.json.

    Args:
        folder: the run's.
        rule: what is to hold from here on instead of what the run began with, of the keys :data:`RULE`.

    Raises:
        CheckpointError: the folder holds no run, or one that is simulated.
        ConfigError: ``rule`` has another key, or a value that makes no rule.
    """
    cfg, overrides = load_config(folder)
    if cfg.get("engine", {}).get("name") != DEPLOYED:
        raise CheckpointError(
            f"the run in '{folder}' is simulated; continue it with: {continuing(folder, 'simulate')}"
        )
    for key in rule:
        pick("rule", key, dict.fromkeys(RULE))
    if rule:
        cfg["engine"] = {"name": DEPLOYED, **asdict(read_deployment({**cfg["engine"], **rule}))}
        settle(folder, engine=cfg["engine"])
    return deploy(cfg, folder, overrides)


def remembered(cfg: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a configuration with the run's name, and those who take part, as the folder has saved them.

    A new run's name is drawn, so that no two runs are ever taken for each other at a site.
    """
    if not (folder / CONFIG).exists():
        return {**cfg, "run": cfg.get("run") or secrets.token_hex(8)}
    saved, given = load_config(folder)[0], cfg.get("engine")
    engine = saved.get("engine", {})
    if isinstance(given, Mapping) and not given.get("sites") and "sites" in engine:
        cfg = {**cfg, "engine": {**given, "sites": engine["sites"]}}
    return {**cfg, "run": saved.get("run")}


def _run(job: Job) -> dict[str, Any]:
    meter, sinks, progress = Meter(), ending.board(job.plan), job.progress
    meter.start()
    job.emit = fan_out(progress, job.watch, Journal(job.plan.folder / EVENTS), *sinks)
    progress.say(f"writing into {job.plan.folder}")
    if (said := note(job.plan.setting())) is not None:
        progress.say(said)
    found = _gathered(job)
    federation = job.plan.federation(FEDERATED, tuple(found.sites))
    progress.total = federation.left
    progress.say(_who(found))
    job.watch.ready()
    results = {FEDERATED: _federated(job, federation, found)}
    summary = _summary(job, found, results, meter.stop())
    ending.publish(job.plan, summary, results, progress, ending.Seen())
    progress.say(NO_PICTURES)
    for sink in sinks:
        sink.close()
    early.refuse(summary, job.plan.folder)
    return summary


def _who(found: Members) -> str:
    measured = f", measured by {', '.join(found.evaluators)}" if found.evaluators else ", no evaluator"
    return f"{len(found.sites)} sites: {', '.join(found.sites)}{measured}"


def _gathered(job: Job) -> Members:
    """Return who takes part, and write it down; afterwards the plan knows the number of classes."""
    answers(job.hub)
    begun = (job.plan.folder / FACTS).exists()
    found = members(register(job.hub).sites(), job.plan, job.deployment, begun)
    same(job.plan.folder / FACTS, found.facts, job.plan.words)
    write_json(job.plan.folder / FACTS, found.facts)
    engine = {**job.plan.cfg["engine"], "sites": ",".join(found.names)}
    settle(job.plan.folder, engine=engine)
    job.plan = replace(job.plan, cfg={**job.plan.cfg, "engine": engine, "task": _task(job.plan, found)})
    return found


def _task(plan: Plan, found: Members) -> dict[str, Any]:
    """Return the task's options with the number of classes that the sites say."""
    task, given = dict(plan.cfg["task"]), plan.setting().options.classes
    if found.classes is None:
        if not given and not plan.setting().level.private_head:
            raise CompositionError("the sites do not say how many classes there are; write task.classes=N")
        return task
    if 0 < given < found.classes:
        raise ConfigError(f"'task.classes' is {given}, but the sites number {found.classes}; leave it at 0")
    return {**task, "classes": given or found.classes}


def _federated(job: Job, federation: Federation, found: Members) -> dict[str, Any]:
    """Run the rounds, or tell what they came to if they are done."""
    if federation.done:
        result = load_result(federation)
        tell(result["history"], job.emit)
        return result
    give_back()
    try:
        return _rounds(job, federation, found)
    except BudgetError as error:
        with lent_by(filed), made_in_files():
            return ending.ended(federation, error, remembered=False)


def _rounds(job: Job, federation: Federation, found: Members) -> dict[str, Any]:
    # what comes waits in files too, so that the process stays small however large the model
    with lent_by(filed), _grid(job, federation, found) as grid, ExitStack() as making:
        making.enter_context(made_in_files())

        def gather(shop: Workshop, emit: Emit) -> Company:
            making.close()  # the model is there
            return _company(job, shop, grid, found)

        state, _ = driven(federation, gather, job.emit)
        # what the sites remember stays there
        digest = weights_digest(replace(state, versions={}), lambda site: Memory(federation.memory(site)))
        result = {"history": list(state.history), "weights_sha256": digest}
        write_json(federation.folder / RESULT, result)
    return result


@contextmanager
def _grid(job: Job, federation: Federation, found: Members) -> Iterator[DeployedGrid]:
    names = {number: name for name, number in {**found.sites, **found.evaluators}.items()}
    watch = Watch(job.hub.contacts, found.names, job.emit)
    rule = Rule(_fewest(job, found), job.deployment.absent, job.plan.switches.rounds)
    cfg = json.dumps(federation.cfg)
    # asked for each time: a server that was started anew has another secret
    grid = DeployedGrid(lambda: _opened(door(job.hub), cfg), names, watch, rule, job.emit)
    done = False
    grid.open()
    try:
        yield grid
        done = True
    finally:
        grid.close(done)


def _opened(into: Door, cfg: str) -> Any:
    """Open a run at the SuperLink; one that a killed process has left is ended first."""
    stop_runs(into)
    return opened(into, start_run(into, cfg))


def _company(job: Job, shop: Workshop, grid: DeployedGrid, found: Members) -> Company:
    patience = Patience(job.deployment.deadline, job.deployment.attempts, POLL, unmeasured=True)
    fewest = _fewest(job, found)
    return Company(grid, found.sites, found.evaluators, _secrets(job), patience, fewest=fewest, durable=True)


def _fewest(job: Job, found: Members) -> int:
    each = asked(job.plan.setting(), len(found.sites))
    return min(job.deployment.minimum or needs(job.plan.setting().recipe.rule, each), each)


def _secrets(job: Job) -> Secrets:
    """Return the server's secrets for this run: of two runs no numbers are alike."""
    return site_secrets(job.hub.root / SECRET).within(job.plan.cfg["run"])


def _summary(job: Job, found: Members, results: Mapping[str, Any], peak: int) -> dict[str, Any]:
    spent = ending.seconds(job.watch, results)
    summary = summarise(job.plan, found.facts, results, spent, peak, None, len(found.sites))
    # how a site computes, and its account of what left it, are its own
    unknown: dict[str, Any] = {"workers": None, "threads_per_client": None, "left": {}}
    return {**summary, **unknown, "simulated_secrets": False}
