"""The script of the bounds in short: each rule holds its own, and the search finds a rule that does not."""

from dataclasses import replace

import pytest
import rules
import scenes

from isofed.simulations.hostile.attacks import ATTACKS
from isofed.strategies.named.robust import NAMED
from isofed.strategies.robust.coordinates import trimmed_mean


def test_every_rule_has_a_bound_and_every_attack_is_played() -> None:
    assert set(scenes.BOUNDS) == set(NAMED)
    assert {attack.name for _, attack in scenes.attacks()} == set(ATTACKS)
    assert set(scenes.NUMBERED) <= set(ATTACKS)


@pytest.mark.parametrize("name", scenes.BOUNDS)
def test_a_rule_at_its_least_n_stays_within_its_bound(name: str) -> None:
    assert rules.worst(name, 2, 15) <= 1.0 + 1e-6
    share, said = rules.by_name(name, 2, 1)
    assert 0.0 < share <= 1.0 + 1e-6, said


def test_a_rule_that_trims_nobody_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(scenes.BOUNDS["trimmed_mean"], make=lambda f: trimmed_mean(0))
    monkeypatch.setitem(scenes.BOUNDS, "trimmed_mean", broken)
    assert rules.worst("trimmed_mean", 2, 15) > 10.0
    assert rules.by_name("trimmed_mean", 2, 1)[0] > 10.0


@pytest.mark.parametrize("name", scenes.BOUNDS)
def test_fedavg_leaves_the_bound(name: str) -> None:
    assert all(share > 1.0 for f in (1, 3) for _, share in scenes.left(scenes.BOUNDS[name], f))


def test_what_is_refused_leaves_the_rest_to_the_rule() -> None:
    scene = scenes.drawn(0, 1.0, 7, 2)
    sent = {name: scenes.crafted(scene, make(), 0) for name, make in ATTACKS.items()}
    refused = {name for name, changes in sent.items() if not len(changes)}
    assert refused == {"nans", "infinities", "wrong_shape"}
