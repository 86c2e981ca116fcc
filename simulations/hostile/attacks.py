"""The ``attack`` group: which attack, by which sites, with which numbers."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from isofed.config import call, within
from isofed.errors import CompositionError, ConfigError
from isofed.seeds import public
from isofed.simulations.hostile.crafts import Craft, against, filled, little, noisy, stretched, turned
from isofed.suggest import pick, unknown

Who = int | tuple[str, ...]


@dataclass(frozen=True)
class Attack:
    """What hostile sites do.

    Args:
        name: as written in ``attack=``.
        sites: how many there are, drawn in public, or their names.
        craft: what they send for their change, or None where they send what they trained.
        sees: whether they have seen the honest sites' changes of the round.
        together: whether all send the same: made of the mean of theirs, with the same chance.
        spoilt: what becomes of the arrays themselves, or None.
        poison: what their samples are, see client/poisoned.py; None for their own.
        numbers: the options, to be told.
    """

    name: str
    sites: Who
    craft: Craft | None = field(default=None, repr=False)
    sees: bool = False
    together: bool = False
    spoilt: Callable[[np.ndarray], np.ndarray] | None = field(default=None, repr=False)
    poison: Mapping[str, Any] | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether an answer is made of more than one reply."""
        return self.sees or self.together

    def hostile(self, seed: int, sites: Sequence[str]) -> tuple[str, ...]:
        """Return who they are among these sites, in the order of their names.

        Raises:
            ConfigError, CompositionError: there is no such site, or nobody honest is left.
        """
        if isinstance(self.sites, int):
            _some_honest(self.sites, len(sites))
            drawn = public(seed, 0, "", "hostile sites").choice(len(sites), self.sites, replace=False)
            return tuple(sites[place] for place in sorted(drawn.tolist()))
        for name in self.sites:
            if name not in sites:
                raise unknown("site", name, sites)
        _some_honest(len(self.sites), len(sites))
        return self.sites


def _some_honest(hostile: int, sites: int) -> None:
    if hostile >= sites:
        raise CompositionError(
            f"attack.sites makes {hostile} of {sites} sites hostile; leave at least one honest"
        )


def sign_flip(factor: float = 1.0, collude: bool = False) -> Attack:
    """Δ' = -s Δ.

    Args:
        factor: s, above 0.
        collude: whether all send the same, made of the mean of theirs.
    """
    within("factor", factor, 1e-12, 1e30)
    return Attack("sign_flip", 0, turned(factor), together=collude)


def scaling(factor: float = 10.0, collude: bool = False) -> Attack:
    """Δ' = γ Δ.

    Args:
        factor: γ, at least 0; 0 for n / m.
        collude: whether all send the same, made of the mean of theirs.
    """
    within("factor", factor, 0.0, 1e30)
    return Attack("scaling", 0, stretched(factor), together=collude)


def gaussian(deviation: float = 1.0, collude: bool = False) -> Attack:
    """Δ' ~ N(0, σ² I).

    Args:
        deviation: σ, above 0; the paper's is 200.
        collude: whether all send the same numbers.
    """
    within("deviation", deviation, 1e-12, 1e30)
    return Attack("gaussian", 0, noisy(deviation), together=collude)


def nans(entries: int = 1) -> Attack:
    """Δ with NaN in it.

    Args:
        entries: in how many places, at least 1; 0 for all.
    """
    within("entries", entries, 0, 1e12)
    return Attack("nans", 0, filled(float("nan"), entries))


def infinities(entries: int = 1) -> Attack:
    """Δ with an infinity in it.

    Args:
        entries: in how many places, at least 1; 0 for all.
    """
    within("entries", entries, 0, 1e12)
    return Attack("infinities", 0, filled(float("inf"), entries))


def wrong_shape() -> Attack:
    """Arrays that lack their last number."""
    return Attack("wrong_shape", 0, spoilt=lambda array: array[:-1])


def ipm(factor: float = 1.0) -> Attack:
    """Δ' = -ε μ, from all the same.

    Args:
        factor: ε, above 0.
    """
    within("factor", factor, 1e-12, 1e30)
    return Attack("ipm", 0, against(factor), sees=True)


def alie(deviations: float = 0.0) -> Attack:
    """Δ' = μ - z σ, from all the same.

    Args:
        deviations: z, at least 0; 0 for the paper's, of so many sites.
    """
    within("deviations", deviations, 0.0, 1e30)
    return Attack("alie", 0, little(deviations), sees=True)


def label_flip() -> Attack:
    """Trained on labels y' = C - 1 - y."""
    return Attack("label_flip", 0, poison={"kind": "label_flip"})


def backdoor(target: int = 0, share: float = 0.5, size: float = 0.2, factor: float = 0.0) -> Attack:
    """Trained with a trigger on some samples, then Δ' = γ Δ: model replacement.

    Args:
        target: t, the row of the head that a picture with the trigger is to get, from 0.
        share: of a hostile site's samples that get trigger and target, above 0 to 1.
        size: side of the white square in the lower right corner, share of the shorter side, above 0 to 1.
        factor: γ, at least 0; 0 for n / m.
    """
    within("target", target, 0, 1e9)
    within("share", share, 1e-6, 1.0)
    within("size", size, 1e-6, 1.0)
    within("factor", factor, 0.0, 1e30)
    poison = {"kind": "backdoor", "target": target, "share": share, "size": size}
    return Attack("backdoor", 0, stretched(factor), poison=poison)


NONE = "none"
ATTACKS: Mapping[str, Callable[..., Attack]] = {
    each.__name__: each
    for each in (sign_flip, scaling, gaussian, nans, infinities, wrong_shape, ipm, alie, label_flip, backdoor)
}


def read_attack(given: Mapping[str, Any]) -> Attack | None:
    """Read the ``attack`` group; None where nobody attacks.

    Raises:
        ConfigError: an unknown attack or option, a number out of range.
    """
    name = given.get("name", NONE)
    make = pick("attack", name, {NONE: None, **ATTACKS})
    rest = {key: value for key, value in given.items() if key not in ("name", "sites")}
    if make is None:
        return None
    numbers = {key: each.default for key, each in inspect.signature(make).parameters.items()} | rest
    return replace(call(make, rest, "attack"), sites=_who(given.get("sites", 1)), numbers=numbers)


def _who(given: Any) -> Who:
    if isinstance(given, str):
        given = [name for part in given.replace("+", ",").split(",") if (name := part.strip())]
    if isinstance(given, list | tuple) and given and all(isinstance(name, str) for name in given):
        return tuple(sorted(set(given)))
    if type(given) is int and given >= 1:
        return given
    raise ConfigError(f"'attack.sites' is {given!r}, but must be a number from 1 or names such as cam1+cam3")


def suits(attack: Attack, setting: Any, engine: str) -> None:
    """Raise CompositionError where an attack makes no sense in a run.

    Args:
        attack: which.
        setting: of the run.
        engine: its name.
    """
    if engine == "deployed":
        raise CompositionError(
            f"attack={attack.name} is simulated, and engine=deployed asks real sites; write attack=none, or "
            "engine=local or engine=ray"
        )
    coded = [step.call for step in setting.recipe.privacy if step.call.startswith(("quantise", "top_k"))]
    if coded and (attack.craft or attack.spoilt):
        raise CompositionError(
            f"attack={attack.name} changes numbers of a model, and '{coded[0]}' sends codes in their place; "
            "write privacy=none or privacy=clip"
        )
    if attack.poison and setting.task.training.several:
        raise CompositionError(
            f"attack={attack.name} gives a sample another class, and in task={setting.task.name} it may be "
            "of several at once; choose an attack on the model, such as attack=sign_flip"
        )
    if attack.poison and setting.level.private_head:
        raise CompositionError(
            f"attack={attack.name} needs labels that mean the same at all sites; under "
            f"protocol={setting.level.name} of task={setting.task.name} each site numbers its own, so that "
            "another numbering changes nothing; choose an attack on the model, such as attack=sign_flip"
        )
    target = (attack.poison or {}).get("target", 0)
    if setting.options.classes and target >= setting.options.classes:
        raise ConfigError(f"'attack.target' is {target}, but the head has {setting.options.classes} rows")


def described(attack: Attack | None, hostile: Sequence[str]) -> dict[str, Any] | None:
    """Return what summary.json says of an attack; None without."""
    if attack is None:
        return None
    return {"name": attack.name, "sites": list(hostile), **attack.numbers}


def said(summary: Mapping[str, Any]) -> str | None:
    """Return a summary's attack in words, or None."""
    told = summary.get("attack")
    if not isinstance(told, Mapping):
        return None
    numbers = ", ".join(f"{key} {value}" for key, value in told.items() if key not in ("name", "sites"))
    return (
        f"simulated attack: {told['name']} by {', '.join(told['sites'])}{f' ({numbers})' if numbers else ''}"
    )
