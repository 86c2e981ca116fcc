"""How a run ends, simulated or deployed: its TensorBoard folder, its report, its summary, the table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from isofed.client.memory import Memory
from isofed.errors import BudgetError
from isofed.events import OWN
from isofed.files import write_json
from isofed.server.state import Checkpoints
from isofed.simulations import board as boards
from isofed.simulations import controls, profiled, scored
from isofed.simulations.early import ENDED
from isofed.simulations.federation import CHECKPOINTS, Federation, first_state, weights_digest
from isofed.simulations.folder import CONFIG, REPORT, SUMMARY
from isofed.simulations.own import final
from isofed.simulations.plan import FEDERATED, Plan
from isofed.simulations.progress import Progress
from isofed.simulations.projector import Projection
from isofed.simulations.report import Gallery, write_report
from isofed.simulations.stopwatch import Stopwatch
from isofed.simulations.summary import percents, table
from isofed.simulations.tensorboard import TensorBoardSink

BOARD = "tb"


@dataclass(frozen=True)
class Seen:
    """What the final model makes of the test data, where they lie on this machine.

    Args:
        rows: retrieved pictures.
        points: the embedding.
        curves: how comparisons fell out, by test set.
    """

    rows: Gallery | None = None
    points: Projection | None = None
    curves: Mapping[str, Any] | None = None


def board(plan: Plan) -> list[TensorBoardSink]:
    """Return the TensorBoard sink, if one is wanted; a resumed run's forgets all and is told it again."""
    if not plan.switches.tensorboard:
        return []
    place = plan.folder / BOARD
    return [TensorBoardSink(place, purge_step=0 if place.exists() else None)]


def ended(federation: Federation, error: BudgetError, remembered: bool = True) -> dict[str, Any]:
    """Return the result of a federation whose sites will train no more, from its last checkpoint.

    Args:
        federation: whose.
        error: why.
        remembered: whether what the sites remember lies here, and counts for the digest of all weights.

    Returns:
        what :func:`isofed.simulations.federation.run` does, and ``ended``, why.

    Raises:
        BudgetError: no round was committed.
    """
    shop = federation.workshop()
    state = Checkpoints(federation.folder / CHECKPOINTS, shop.setting.digest).latest(first_state(shop))
    if not state.round:
        raise error
    known = state if remembered else replace(state, versions={})
    digest = weights_digest(known, lambda site: Memory(federation.memory(site), sections=shop.remembers))
    return {"history": list(state.history), "weights_sha256": digest, ENDED: str(error)}


def seconds(watch: Stopwatch, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what took how long."""
    rounds = [entry["seconds"] for entry in results[FEDERATED]["history"] if entry["round"]]
    return {
        "setup": watch.setup,
        "first_reply": watch.first_reply,
        "rounds": rounds,
        "total": watch.total,
    }


def publish(
    plan: Plan, summary: dict[str, Any], results: Mapping[str, Any], progress: Progress, seen: Seen
) -> None:
    """Write pictures and report, then the summary, whose presence says that the run is finished."""
    measures = plan.setting().task.measures
    history = {"rounds": [_shown(percents(entry, measures)) for entry in results[FEDERATED]["history"]]}
    config = {**plan.cfg, "overrides": json.loads((plan.folder / CONFIG).read_text())["overrides"]}
    if plan.switches.tensorboard:
        shown = boards.Finished(
            plan.switches.rounds, config, final(summary["metrics"]), seen.rows, seen.points
        )
        boards.publish(plan.folder / BOARD, FEDERATED, shown)
    profile = profiled.load(plan.folder) if plan.switches.profile else None
    compared = scored.described(seen.curves, results, measures, plan.switches.select_on_test)
    more = {"config": config, "profile": profile, "scores": compared}
    if compared is None:
        more["parts"] = scored.parts(results, measures, plan.switches.select_on_test)
    write_report(plan.folder, {**summary, **more}, history, seen.rows)
    write_json(plan.folder / SUMMARY, summary)
    progress.end()
    print(table(summary))
    if summary["controls"]:
        print(f"\n{controls.text(summary['controls'])}")
    if profile:
        print(f"\n{profiled.text(profile)}")
    print(f"\nreport: {plan.folder / REPORT}")


def _shown(entry: Mapping[str, Any]) -> dict[str, Any]:
    metrics = entry.get("metrics") or {}
    always = {"loss": entry.get("loss", {}), "seconds": entry.get("seconds", 0.0)}
    return {**entry, "metrics": metrics.get("mean"), OWN: metrics.get(OWN), **always}
