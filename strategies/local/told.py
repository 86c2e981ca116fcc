"""Local terms whose numbers the order brings: what Flower's strategies ask of a client."""

from collections.abc import Mapping
from typing import Any

import torch

from isofed.config import within
from isofed.errors import ContractError
from isofed.strategies.local.proximal import proximal
from isofed.strategies.local.trees import travelling
from isofed.strategies.recipe import Done, LocalTerm, TermStart

MU, NORM = "proximal-mu", "clipping_norm"  # Flower's keys


def told_proximal() -> LocalTerm:
    """:func:`proximal` with the μ that the order tells; nothing where it tells none."""

    def start(given: TermStart) -> Any:
        term = proximal(_number(given, MU, 0.0))
        return term, term.start(given)

    def drift(state: Any, now: Mapping[str, Any]) -> Mapping[str, Any]:
        term, begun = state
        return term.drift(begun, now)

    return LocalTerm("told_proximal()", start=start, drift=drift)


def told_clipping(bit: str = "") -> LocalTerm:
    """Clip a round's change Δ to the norm C that the order tells: w ← w_global + min(1, C / ‖Δ‖) Δ.

    Over all parameters that travel, together. Flower's ``fixedclipping_mod`` and ``adaptiveclipping_mod``
    compute the same, but break off at a Δ of zero and leave arrays without dimensions as they are.

    Args:
        bit: the public number that says whether Δ was clipped, 0 or 1; none where it is empty.

    Source: McMahan et al., Learning Differentially Private Recurrent Language Models, 2018, section 3.2, flat
    clipping; Andrew et al., Differentially Private Learning with Adaptive Clipping, 2021, algorithm 1, whose
    bit is 1 for an update that was *not* clipped; Flower's, and this one, is 1 for one that was.
    """

    def start(given: TermStart) -> dict[str, Any]:
        norm = _number(given, NORM, None)
        within(NORM, norm, 1e-12, 1e12)
        now, begun = travelling(given)
        return {"norm": norm, "now": now, "begun": begun}

    def finish(state: dict[str, Any], done: Done) -> Mapping[str, Any]:
        begun = state["begun"]
        with torch.no_grad():
            changes = {name: now.detach() - begun[name] for name, now in state["now"].items()}
            length = float(sum(change.double().square().sum() for change in changes.values())) ** 0.5
            state["clipped"] = length > state["norm"]
            if state["clipped"]:
                for name, now in state["now"].items():
                    now.copy_(begun[name] + state["norm"] / length * changes[name])
        return {}

    return LocalTerm(
        f"told_clipping(bit='{bit}')",
        start=start,
        finish=finish,
        numbers=(lambda state, done: {bit: int(state["clipped"])}) if bit else None,
        gives=(bit,) if bit else (),
    )


def _number(given: TermStart, key: str, default: float | None) -> float:
    found = given.config.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ContractError(f"the order's '{key}' is no number, but the strategy needs one; align the server")
    return float(found)
