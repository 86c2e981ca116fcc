#!/usr/bin/env python3
"""What hostile sites send is what each attack's formula says; everything else arrives as it was sent.

    python tests/acceptance/issue_11/attacks.py

Six drawn cameras, two of them hostile, one round on the local engine under every attack. What leaves the
sites is written down, and what arrives at the server. Of honest sites both must be the same, and the same as
in a round without an attack, to the last bit; of hostile ones what arrives must be what the formula, written
out here once more on whole vectors, makes of what left. Malformed and non-finite replies must be refused by
the site's name and the round go on by its rule. Last, a federation under every attack must end with the same
weights on two workers and after a stop in the middle.
Prints a line for each; exits with 1 where one fails.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "contracts"))

import numpy as np
import torch
from cases import CASES, World
from flwr.app import Message

from isofed.seeds import public
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.grid import LocalGrid
from isofed.simulations.hostile import company
from isofed.simulations.hostile.grid import HostileGrid
from isofed.simulations.hostile.replies import model_of
from isofed.simulations.pool import Pool
from isofed.tasks import TASKS

HOSTILE, N, SEED, KEY = ("cam2", "cam5"), 6, 3, "float32"
Sent = dict[str, np.ndarray]  # the model of each site
Formula = Callable[[str, Sent, Sent], np.ndarray]  # (site, honest changes, hostile changes) to a change


def mean(changes: Sent) -> np.ndarray:
    """Return the mean of changes."""
    return np.asarray(sum(changes.values()) / len(changes))


def noise(site: str, length: int) -> np.ndarray:
    """Return the numbers that a site draws in the first round."""
    return public(SEED, 1, site, f"attack gaussian {KEY}").standard_normal(length)


def little(honest: Sent) -> np.ndarray:
    """Return μ - z σ, z for six sites of which two are hostile."""
    z = max(NormalDist().inv_cdf((6 - 2 - (6 // 2 + 1 - 2)) / (6 - 2)), 0.0)
    spread = np.sqrt(sum((change - mean(honest)) ** 2 for change in honest.values()) / len(honest))
    return np.asarray(mean(honest) - z * spread)


def spread_of(honest: Sent) -> np.ndarray:
    """Return σ."""
    return np.sqrt(np.asarray(sum((change - mean(honest)) ** 2 for change in honest.values())) / len(honest))


FORMULAS: Mapping[str, tuple[dict[str, Any], Formula]] = {
    "sign flip": ({"name": "sign_flip", "factor": 2.0}, lambda s, good, bad: -2.0 * bad[s]),
    "scaling": ({"name": "scaling"}, lambda s, good, bad: 10.0 * bad[s]),
    "gaussian": ({"name": "gaussian", "deviation": 3.0}, lambda s, good, bad: 3.0 * noise(s, len(bad[s]))),
    "inner product": ({"name": "ipm", "factor": 0.5}, lambda s, good, bad: -0.5 * mean(good)),
    "a little, the paper's": ({"name": "alie"}, lambda s, good, bad: little(good)),
    "a little, z = 1.5": (
        {"name": "alie", "deviations": 1.5},
        lambda s, good, bad: mean(good) - 1.5 * spread_of(good),
    ),
    "colluders, sign flip": ({"name": "sign_flip", "collude": True}, lambda s, good, bad: -mean(bad)),
    "colluders, gaussian": (
        {"name": "gaussian", "collude": True},
        lambda s, good, bad: noise("", len(bad[s])),
    ),
    "labels": ({"name": "label_flip"}, lambda s, good, bad: bad[s]),
    "model replacement": ({"name": "backdoor"}, lambda s, good, bad: 6 / 2 * bad[s]),
}
MALFORMED = {
    "NaN": {"name": "nans"},
    "NaN everywhere": {"name": "nans", "entries": 0},
    "an infinity": {"name": "infinities"},
    "a wrong shape": {"name": "wrong_shape"},
}
ON_DATA = ("label_flip", "backdoor")


class Tap:
    """What passed at two places: when it left the sites, and when it arrived at the server."""

    def __init__(self, numbers: Mapping[int, str]) -> None:
        self.numbers = numbers
        self.left: Sent = {}
        self.arrived: Sent = {}
        self.start: np.ndarray = np.zeros(0)

    def grids(self) -> tuple[type[LocalGrid], type[HostileGrid]]:
        """Return both grids, listened to."""
        tap = self

        class Leaving(LocalGrid):
            def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
                messages = list(messages)
                for message in messages:
                    if message.metadata.message_type == "train":
                        tap.start = tap.model(message)
                return super().push_messages(messages)

            def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
                return tap.noted(super().pull_messages(message_ids), tap.left)

        class Arriving(HostileGrid):
            def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
                return tap.noted(super().pull_messages(message_ids), tap.arrived)

        return Leaving, Arriving

    def noted(self, replies: Iterable[Message], place: Sent) -> list[Message]:
        """Write down models on their way."""
        found = list(replies)
        for reply in found:
            if reply.metadata.message_type == "train":
                place[self.numbers[reply.metadata.src_node_id]] = self.model(reply)
        return found

    @staticmethod
    def model(message: Message) -> np.ndarray:
        """Return a message's model."""
        found = model_of(message.content)
        assert found is not None
        return found[1][KEY].copy()


def played(federation: Federation) -> tuple[Any, Tap]:
    """Run it and listen."""
    nodes = federation.nodes()
    tap = Tap({nodes.number(site): site for site in federation.sites})
    leaving, arriving = tap.grids()
    with patch.object(federations, "LocalGrid", leaving), patch.object(company, "HostileGrid", arriving):
        return run(federation, Pool(1)), tap


def attacked(
    world: World, folder: Path, attack: Mapping[str, Any], strategy: str, rounds: int = 1
) -> Federation:
    """Return six cameras, two of them hostile."""
    made = world.federation(folder, {"name": strategy}, rounds=rounds)
    return replace(made, attack={**attack, "sites": list(HOSTILE)}, fewest=N - len(HOSTILE))


def wrong(tap: Tap, formula: Formula, honest: Sent, poisons: bool) -> str:
    """Return what is wrong with a round, or nothing."""
    for site in honest:
        if site not in HOSTILE and not same(tap.left[site], tap.arrived[site], honest[site]):
            return f"the reply of {site}, which is honest, was changed"
        if site in HOSTILE and same(tap.left[site], honest[site]) == poisons:
            return f"{site} trained on {'its own' if poisons else 'other'} samples"
    start = tap.start.astype(np.float64)
    changes = {site: model.astype(np.float64) - start for site, model in tap.left.items()}
    good = {site: change for site, change in changes.items() if site not in HOSTILE}
    bad = {site: change for site, change in changes.items() if site in HOSTILE}
    for site in HOSTILE:
        wanted = start + formula(site, good, bad)
        if not np.allclose(tap.arrived[site], wanted, rtol=1e-6, atol=1e-7):
            return f"{site} sent what the formula does not say"
    return ""


def same(*arrays: np.ndarray) -> bool:
    """Return whether arrays are alike to the last bit."""
    return len({array.tobytes() for array in arrays}) == 1


def refused(result: Mapping[str, Any], tap: Tap, honest: Sent) -> str:
    """Return what is wrong with a run whose hostile replies cannot be used, or nothing."""
    if sorted(result["history"][-1]["refused"]) != list(HOSTILE):
        return f"refused {result['history'][-1]['refused']}"
    changed = [s for s in honest if s not in HOSTILE and not same(tap.left[s], tap.arrived[s], honest[s])]
    return f"the replies of {changed}, which are honest, were changed" if changed else ""


class Stop(Exception):
    """The run is stopped."""


def repeats(world: World, folder: Path, attack: Mapping[str, Any]) -> str:
    """Return what is wrong with a run on two workers, or one that was stopped; or nothing."""
    whole = run(attacked(world, folder / "one", attack, "median", 2), Pool(1))["weights_sha256"]
    halved = attacked(world, folder / "stopped", attack, "median", 2)

    def stop(name: str, **fields: Any) -> None:
        if name == "round_done" and fields["round"] == 1:
            raise Stop

    try:
        run(halved, Pool(1), stop)
        return "it was not stopped"
    except Stop:
        pass
    pool = Pool.start(2, 1)
    try:
        several = run(attacked(world, folder / "two", attack, "median", 2), pool)["weights_sha256"]
    finally:
        pool.stop()
    again = run(halved, Pool(1))["weights_sha256"]
    return "" if whole == several == again else "other weights"


def main() -> int:
    """Play every attack, print a line for each, return 1 where one failed."""
    torch.set_num_threads(1)
    failed, case = 0, CASES["reid"]

    def told(what: str, why: str) -> None:
        nonlocal failed
        failed += bool(why)
        print(f"{'FAIL' if why else 'ok  '} {what}{': ' if why else ''}{why}", flush=True)

    with tempfile.TemporaryDirectory(prefix="isofed-attacks-") as name:
        root = Path(name) / "data"
        TASKS["reid"].layouts[case.layout].make(root, 0, case.make, map, None)
        world = World("reid", root, Path(name) / "homes", case)
        _, tap = played(world.federation(Path(name) / "honest", {"name": "fedavg"}, rounds=1))
        honest = tap.left
        for what, (attack, formula) in FORMULAS.items():
            _, tap = played(attacked(world, Path(name) / what.replace(" ", "_"), attack, "fedavg"))
            told(what, wrong(tap, formula, honest, attack["name"] in ON_DATA))
        left: dict[str, set[str]] = {}
        for what, attack in MALFORMED.items():
            for strategy in ("fedavg", "median"):
                folder = Path(name) / f"{what.replace(' ', '_')}_{strategy}"
                result, tap = played(attacked(world, folder, attack, strategy))
                told(f"{what}, {strategy}", refused(result, tap, honest))
                left.setdefault(strategy, set()).add(result["weights_sha256"])
        for strategy, models in left.items():
            told(f"all of these leave the same model, {strategy}", "they do not" if len(models) > 1 else "")
        for attack in ({"name": "alie", "deviations": 1.5}, {"name": "gaussian"}, {"name": "backdoor"}):
            told(f"{attack['name']} repeats", repeats(world, Path(name) / f"again_{attack['name']}", attack))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
