"""The script of the bounds in short: each rule holds its own, and the search finds a rule that does not."""

from dataclasses import replace

import pytest
import rules

from isofed.strategies.robust.coordinates import trimmed_mean


@pytest.mark.parametrize("name", rules.BOUNDS)
def test_a_rule_at_its_least_n_stays_within_its_bound(name: str) -> None:
    assert rules.worst(name, 2, 15) <= 1.0 + 1e-6


def test_a_rule_that_trims_nobody_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(rules.BOUNDS["trimmed_mean"], make=lambda f: trimmed_mean(0))
    monkeypatch.setitem(rules.BOUNDS, "trimmed_mean", broken)
    assert rules.worst("trimmed_mean", 2, 15) > 10.0


def test_fedavg_leaves_the_bound() -> None:
    assert all(share > 1.0 for f in (1, 3) for _, share in rules.left(f))
