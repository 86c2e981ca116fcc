"""summary.json, the table at the end, and the pictures of the report."""

import json
from collections.abc import Mapping
from typing import Any

from isofed import __version__
from isofed.client import ledger
from isofed.client.workshop import Place, Workshop
from isofed.protocols.levels import LEVELS
from isofed.records import Value
from isofed.server.state import Checkpoints
from isofed.simulations.federation import EVALUATOR, Federation, first_state
from isofed.simulations.plan import FEDERATED, Plan
from isofed.simulations.report import Gallery, GalleryRow, Hit

KEYS = ("R1", "R5", "R10", "R20", "mAP", "mINP")


def summarise(
    plan: Plan,
    facts: Mapping[str, Any],
    results: Mapping[str, Any],
    seconds: Mapping[str, Any],
    peak: int,
    controls: Any,
) -> dict[str, Any]:
    """Return summary.json's object; see README for its keys."""
    history = results[FEDERATED]["history"]
    return {
        "version": __version__,
        "task": plan.cfg["task"]["name"],
        "protocol": plan.cfg["protocol"]["name"],
        "strategy": plan.cfg["strategy"]["name"],
        "engine": plan.cfg["engine"]["name"],
        "seed": plan.switches.seed,
        "data_seed": None if plan.data.root else plan.data.seed,
        "rounds": plan.switches.rounds,
        "simulated_secrets": True,
        "metrics": _kind(results, "mean"),
        "spread": _kind(results, "spread"),
        "seconds": dict(seconds),
        "peak_rss_bytes": peak,
        "bytes": _bytes(history),
        "weights_sha256": results[FEDERATED]["weights_sha256"],
        "sites": _sites(facts, history),
        "contract": _contract(plan),
        "left": {site: _left(plan, site) for site in facts},
        "evaluation": _evaluation(plan),
        "controls": controls,
    }


def _kind(results: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return one kind of numbers by model; nothing for one of which the server holds only a part."""
    history = results[FEDERATED]["history"]
    alone = {
        name.partition("/")[2]: _measured(result["history"][-1], kind)
        for name, result in sorted(results.items())
        if name != FEDERATED
    }
    return {
        "untrained": _measured(history[0], kind),
        "alone": alone,
        "federated": _measured(history[-1], kind),
    }


def _measured(entry: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return dict((entry["metrics"] or {}).get(kind, {}))


def _bytes(history: list[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for entry in history:
        for site, moved in entry.get("bytes", {}).items():
            own = total.setdefault(site, {"down": 0, "up": 0})
            own["down"] += moved["down"]
            own["up"] += moved["up"]
    return total


def _sites(facts: Mapping[str, Any], history: list[Mapping[str, Any]]) -> dict[str, Any]:
    examples: Mapping[str, float] = next(
        (entry["examples"] for entry in reversed(history) if "examples" in entry), {}
    )
    whole = sum(examples.values())
    return {
        name: {
            **site,
            "steps": sum(entry.get("steps", {}).get(name, 0) for entry in history),
            "weight": examples.get(name, 0) / whole if whole else None,
        }
        for name, site in facts.items()
    }


def _contract(plan: Plan) -> dict[str, Any]:
    level = LEVELS[plan.cfg["protocol"]["name"]]
    return {
        "level": level.name,
        "client": level.client,
        "leaves": list(level.leaves),
        "never": list(level.never),
        "min_images": plan.cfg["protocol"]["min_images"],
    }


def _left(plan: Plan, site: str) -> dict[str, Any]:
    return ledger.summed(plan.homes / site / "left.jsonl")


def _evaluation(plan: Plan) -> dict[str, Any]:
    task = plan.cfg["task"]
    shown = {key: task[key] for key in ("search", "shots", "draws") if key in task}
    return {"benchmark": plan.data.layout, **shown, "model": "last round"}


def gallery(federation: Federation) -> Gallery | None:
    """Return the report's pictures, made from the evaluator's own data by the final model."""
    shop = Workshop.of(json.dumps(federation.cfg))
    if shop.setting.task.pictures is None or not shop.setting.evaluable:
        return None
    checkpoints = Checkpoints(federation.folder / "checkpoints", shop.setting.digest)
    state = checkpoints.latest(first_state(shop))
    for group, tree in state.trees.items():
        shop.trees[group].copy_from(Value(tree).tree)
    test = shop.test_data(Place.of(federation.nodes()[EVALUATOR].config))
    rows = shop.setting.task.pictures(shop.model.eval(), test, shop.setting.options)
    return Gallery(
        tuple(GalleryRow(query, caption, tuple(Hit(*hit) for hit in hits)) for query, caption, hits in rows)
    )


def table(summary: Mapping[str, Any]) -> str:
    """Return the closing table: per cent, with the spread over gallery draws."""
    metrics, spread = summary["metrics"], summary["spread"]
    rows = [("untrained", metrics["untrained"], spread["untrained"])]
    rows += [(f"{site} alone", metrics["alone"][site], spread["alone"][site]) for site in metrics["alone"]]
    rows += [("federated", metrics["federated"], spread["federated"])]
    head = f"{'per cent':<14}" + "".join(f"{key:>14}" for key in KEYS)
    lines = [head, "-" * len(head)]
    for name, mean, over in rows:
        cells = "".join(f"{100 * mean[key]:8.1f} ± {100 * over[key]:3.1f}" for key in KEYS if mean)
        lines.append(f"{name:<14}{cells or '  not measured'}")
    return "\n".join(lines)
