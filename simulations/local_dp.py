"""What a run's sites hid of their own training: in the summary, in the closing table, in the report."""

from collections.abc import Mapping
from typing import Any

from isofed.setting import Setting

WORDS = {
    "examples": "how many examples it holds",
    "loss": "its training loss",
    "measures": "what it measures",
}


def described(setting: Setting) -> dict[str, Any] | None:
    """Return what the summary says: unit, bound, noise or target, and what leaves unhidden; None without."""
    dp = setting.dp
    if dp is None:
        return None
    private = setting.task.training.private
    return {
        "unit": private.example if dp.unit == "example" else private.subject,
        "norm": dp.norm,
        "noise": dp.noise,
        "epsilon": dp.epsilon,
        "delta": dp.delta,
        "accountant": dp.accountant,
        "budget": dp.budget,
        "released": ["steps", *dp.released],
    }


def said(summary: Mapping[str, Any]) -> str | None:
    """Return it in one sentence, or None where a run hid nothing."""
    dp = summary.get("dp")
    if not isinstance(dp, Mapping):
        return None
    spent = f"ε = {dp['epsilon']:g}" if dp.get("epsilon") else f"noise {dp['noise']:g} times the bound"
    delta = f" at δ = {dp['delta']:g}" if dp.get("epsilon") else ""
    beside = [WORDS[number] for number in dp.get("released", ()) if number in WORDS]
    shown = f"; beside it leaves unhidden {' and '.join(beside)}" if beside else ""
    simulated = "; simulated secrets, so that who knows the seed can take the noise off again"
    return (
        f"each {dp['unit']} of a site is hidden by DP-SGD there, {spent}{delta}{shown}"
        f"{simulated if summary.get('simulated_secrets') else ''}"
    )
