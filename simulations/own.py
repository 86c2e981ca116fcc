"""What the sites measured on samples of their own: in the summary, in the closing table, in a sentence."""

from collections.abc import Iterator, Mapping
from typing import Any

from isofed.events import OWN
from isofed.server.own import together
from isofed.setting import Setting
from isofed.simulations.plan import FEDERATED

Entry = Mapping[str, Any]
MODELS = ("untrained", "alone", FEDERATED)
WRITE = "write holdout=0.2 to measure at the sites"


def note(setting: Setting) -> str | None:
    """Return what must be known of a run that measures less than its models; None of any other."""
    if setting.holdout or setting.task.own is None:
        return None
    if not setting.evaluable:
        return f"not measured: sites keep a part of the model; {WRITE}"
    if setting.recipe.personal:
        return f"measured is the global model, not the sites' own; {WRITE}"
    return None


def described(setting: Setting) -> dict[str, Any]:
    """Return what the summary says of this evaluation."""
    if setting.holdout:
        return {"own": setting.task.own.words, "holdout": setting.holdout}
    said = note(setting)
    return {"note": said} if said else {}


def measured(ends: Mapping[str, tuple[Entry, Entry]]) -> dict[str, Any]:
    """Return the sites' measures by model: untrained, each site's alone, and the federated one's.

    Args:
        ends: of each federation of the run the first entry of its history, and the one that is reported.
    """
    first, last = ends[FEDERATED]
    alone = {
        site: measures
        for name, (_, reported) in sorted(ends.items())
        if name != FEDERATED
        for site, measures in _own(reported).get("sites", {}).items()
    }
    found = {"untrained": _own(first), "alone": together(alone) if alone else {}, FEDERATED: _own(last)}
    return {OWN: found} if any(found.values()) else {}


def _own(entry: Entry) -> dict[str, Any]:
    return dict((entry["metrics"] or {}).get(OWN, {}))


def final(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the federated model's measures, the benchmark's and the sites' means."""
    return {**metrics[FEDERATED], **metrics.get(OWN, {}).get(FEDERATED, {}).get("mean", {})}


def told(summary: Mapping[str, Any]) -> list[str]:
    """Return the lines of the closing table about the sites, none where nothing was held out."""
    own, about = summary["metrics"].get(OWN), summary.get("evaluation", {})
    if not own:
        return [about["note"]] if about.get("note") else []
    columns = [
        (name, model) for name in own[FEDERATED]["mean"] for model in ("alone", FEDERATED) if own[model]
    ]
    heads = [f"{name} {model}" for name, model in columns]
    widths = [len(head) + 3 for head in heads]
    top = f"{'at the sites':<16}" + "".join(map(str.rjust, heads, widths))
    lines = [f"\nper cent of {about.get('own', 'own samples')}", top, "-" * len(top)]
    for what, values in by_site(own):
        cells = [_percent(values[model].get(name)) for name, model in columns]
        lines.append(f"{what:<16}" + "".join(map(str.rjust, cells, widths)))
    return lines


def by_site(own: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Mapping[str, float]]]]:
    """Yield for every site, and for mean and lowest of all, its measures by model."""
    for site in own[FEDERATED]["sites"]:
        yield site, {model: own[model].get("sites", {}).get(site, {}) for model in MODELS}
    for kind in ("mean", "lowest"):
        yield f"{kind} of sites", {model: own[model].get(kind, {}) for model in MODELS}


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
