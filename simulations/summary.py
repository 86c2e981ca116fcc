"""summary.json, and the table at the end."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from isofed import __version__
from isofed.client import ledger
from isofed.simulations import accounts, early, holdings, local_dp, own
from isofed.simulations.hostile.attacks import described as described_attack
from isofed.simulations.hostile.attacks import said as said_attack
from isofed.simulations.plan import FEDERATED, Plan
from isofed.simulations.report.words import of_samples
from isofed.simulations.selection import LAST, RANK, described, reported
from isofed.tasks.task import Measure

KEYS = ("R1", "R5", "R10", "R20", "mAP", "mINP")

Ends = tuple[Mapping[str, Any], Mapping[str, Any]]  # the first round, and the reported one


def summarise(
    plan: Plan,
    facts: Mapping[str, Any],
    results: Mapping[str, Any],
    seconds: Mapping[str, Any],
    peak: int,
    controls: Any,
    population: int | None = None,
) -> dict[str, Any]:
    """Return summary.json's object; see README for its keys.

    Args:
        plan: of the run.
        facts: of each site; nothing of sites that nobody lists.
        results: of the run's federations, by name.
        seconds: what took how long.
        peak: bytes.
        controls: what they found, or None.
        population: how many sites there are, where ``facts`` does not say it.
    """
    history, on_test = results[FEDERATED]["history"], plan.switches.select_on_test
    measures = plan.setting().task.measures
    by = measures[0] if measures else RANK
    # of sites that nobody lists there are no facts; those that were counted are known all the same
    population = population or len(facts)
    facts = facts or {site: {} for site in sorted(_examples(history))}
    shown = {name: _ends(result["history"], on_test, by) for name, result in results.items()}
    shown = {
        name: (percents(first, measures), percents(last, measures)) for name, (first, last) in shown.items()
    }
    return {
        **_what(plan, results[FEDERATED]),
        "population": population,
        "attack": described_attack(plan.attack, results[FEDERATED].get("hostile", ())),
        "simulated_secrets": True,
        **_hidden(plan, history, population, sorted(facts)),
        "metrics": _kind(shown, "mean") | own.measured(shown),
        "spread": _kind(shown, "spread"),
        "draws": _draws(shown),
        "seconds": dict(seconds),
        "peak_rss_bytes": peak,
        "bytes": _bytes(history),
        "weights_sha256": results[FEDERATED]["weights_sha256"],
        "sites": _sites(facts, history),
        "contract": _contract(plan),
        "left": {site: _left(plan, site) for site in facts},
        "evaluation": {**_evaluation(plan), "model": described(history, on_test, by)},
        "controls": controls,
    } | (
        {"measures": {m.name: {"meaning": m.meaning, "lower": m.lower} for m in measures}} if measures else {}
    )


def _hidden(
    plan: Plan, history: list[Mapping[str, Any]], population: int, sites: list[str]
) -> dict[str, Any]:
    """Return what the sites' training hid, and what that and noise at the server came to."""
    setting = plan.setting()
    return {
        "dp": local_dp.described(setting),
        "privacy_accounts": {
            "server": accounts.of_server(setting, history, population),
            "sites": accounts.of_sites(setting, plan.homes, sites),
        },
    }


def _what(plan: Plan, federated: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": __version__,
        "task": plan.cfg["task"]["name"],
        "words": dict(zip(("sample", "label"), plan.words, strict=True)),
        "protocol": plan.cfg["protocol"]["name"],
        "strategy": plan.cfg["strategy"]["name"],
        "privacy": plan.cfg.get("privacy", {"name": "none"})["name"],
        "engine": plan.cfg["engine"]["name"],
        "workers": plan.engine.workers,
        "threads_per_client": plan.engine.threads_per_client,
        "seed": plan.switches.seed,
        "data_seed": None if plan.data.root else plan.data.seed,
        **early.described(federated, plan.switches.rounds),
        "cohort": plan.switches.cohort,
        "clients": _unlike(plan.setting().clients),
        "partition": plan.data.shared.get("partition"),
        "holdings": holdings.load(plan.folder),
        "fewest": plan.switches.fewest,
    }


def _unlike(clients: Any) -> dict[str, Any] | None:
    """Return the numbers by which the sites differ, a trace as the number of sites that it names."""
    if clients is None:
        return None
    told = {key: getattr(clients, key) for key in clients.at_work}
    return {**told, "trace": len(clients.trace)} if clients.trace else told


def _ends(history: list[Mapping[str, Any]], on_test: bool, by: Measure = RANK) -> Ends:
    return history[0], reported(history, on_test, by)


def percents(entry: Mapping[str, Any], measures: Iterable[Measure]) -> Mapping[str, Any]:
    """Return a round's entry without the measures that are no fractions."""
    others = {measure.name for measure in measures if not measure.fraction}
    found = entry["metrics"]
    if not others or not found:
        return entry
    kept = {
        kind: {n: v for n, v in row.items() if n not in others} if isinstance(row, Mapping) else row
        for kind, row in found.items()
    }
    return {**entry, "metrics": kept}


def _kind(shown: Mapping[str, Ends], kind: str) -> dict[str, Any]:
    """Return one kind of numbers by model; nothing for one of which the server holds only a part."""
    return _by_model(shown, lambda entry: _measured(entry, kind))


def _draws(shown: Mapping[str, Ends]) -> dict[str, Any]:
    """Return by model, for each measure, its values in the single gallery draws, in their order."""

    def each(entry: Mapping[str, Any]) -> dict[str, list[float]]:
        metrics = entry["metrics"] or {}
        draws = [metrics[kind] for kind in sorted(metrics) if kind.startswith("draw")]
        return {key: [draw[key] for draw in draws] for key in (draws[0] if draws else ())}

    return _by_model(shown, each)


def _by_model(shown: Mapping[str, Ends], read: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    alone = {
        name.partition("/")[2]: read(last) for name, (_, last) in sorted(shown.items()) if name != FEDERATED
    }
    first, last = shown[FEDERATED]
    return {"untrained": read(first), "alone": alone, "federated": read(last)}


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
    examples = _examples(history)
    whole = sum(examples.values())
    return {
        name: {
            **site,
            "steps": sum(entry.get("steps", {}).get(name, 0) for entry in history),
            "weight": examples.get(name, 0) / whole if whole else None,
        }
        for name, site in facts.items()
    }


def _examples(history: list[Mapping[str, Any]]) -> dict[str, float]:
    """Return each site's examples in the last round that counted it: not every round asks everybody."""
    found: dict[str, float] = {}
    for entry in history:
        found |= entry.get("examples", {})
    return found


def _contract(plan: Plan) -> dict[str, Any]:
    level = plan.setting().level
    return {
        "level": level.name,
        "client": level.client,
        "leaves": [of_samples(line, plan.words[0]) for line in level.leaves],
        "never": [of_samples(line, plan.words[0]) for line in level.never],
        "min_images": plan.cfg["protocol"]["min_images"],
        "centres": plan.cfg["protocol"].get("centres", "level"),
        "declared": list(plan.declared()),
    }


def _left(plan: Plan, site: str) -> dict[str, Any]:
    return ledger.summed(plan.homes / site / "left.jsonl")


def _evaluation(plan: Plan) -> dict[str, Any]:
    setting = plan.setting()
    rules = setting.task.benchmark(setting.layout, setting.options)
    return {key: v for key, v in rules.items() if v is not None} | own.described(setting)


def table(summary: Mapping[str, Any]) -> str:
    """Return the closing table: per cent, with the spread over gallery draws."""
    metrics, spread = summary["metrics"], summary["spread"]
    rows = [("untrained", metrics["untrained"], spread["untrained"])]
    rows += [(f"{site} alone", metrics["alone"][site], spread["alone"][site]) for site in metrics["alone"]]
    rows += [("federated", metrics["federated"], spread["federated"])]
    keys = tuple(summary.get("measures", KEYS))
    keys = tuple(key for key in keys if any(key in mean for _, mean, _ in rows)) or keys
    wide = max(14, *(2 + len(key) for key in keys))
    head = f"{'per cent':<14}" + "".join(f"{key:>{wide}}" for key in keys)
    lines = [head, "-" * len(head)]
    for name, mean, over in rows:
        pairs = [f"{100 * mean[key]:.1f} ± {100 * over[key]:3.1f}" for key in keys if mean]
        cells = "".join(f"{pair:>{wide}}" for pair in pairs)
        lines.append(f"{name:<14}{cells or '  not measured'}")
    model = summary.get("evaluation", {}).get("model", LAST)
    lines += [f"federated: {model}"] if model != LAST else []
    one = [sentence for sentence in (early.said(summary), said_attack(summary)) if sentence]
    hidden = local_dp.said(summary)
    beside = [*one, *own.told(summary), *([hidden] if hidden else [])]
    beside += accounts.told(summary)
    return "\n".join([*lines, *beside])
