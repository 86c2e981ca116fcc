"""A site's policy with a privacy budget: read, written, and held against runs that cannot be counted."""

from datetime import datetime
from pathlib import Path

import pytest

from isofed.client.place import Place
from isofed.client.site.policy import Policy, read_policy, write_policy
from isofed.errors import ConfigError

POLICY = Policy(("vein",), ("entity",), budget=8.0, budget_delta=1e-6)
CFG = {
    "task": {"name": "vein"},
    "protocol": {"name": "entity"},
    "strategy": {"name": "fedavg"},
    "privacy": {"name": "none"},
}
NOON = datetime(2026, 1, 1, 12)


def test_a_run_without_privacy_is_refused_where_there_is_a_budget() -> None:
    reason = (
        "the run asks for training without differential privacy at the sites, but this site's policy allows "
        "dp=example or subject; change the run, or have 'budget' changed in the site's policy.toml"
    )
    assert POLICY.refuse({**CFG, "dp": {"name": "none"}}, "train", NOON) == reason
    assert POLICY.refuse(CFG, "train", NOON) == reason
    assert POLICY.refuse({**CFG, "dp": {"name": "example"}}, "train", NOON) is None
    assert POLICY.refuse(CFG, "evaluate", NOON) is None
    assert Policy(("vein",), ("entity",)).refuse(CFG, "train", NOON) is None


def test_it_is_written_and_read_and_reaches_the_place(tmp_path: Path) -> None:
    write_policy(tmp_path / "policy.toml", POLICY)
    assert read_policy(tmp_path / "policy.toml") == POLICY
    node = {"site": "a", "role": "trainer", "root": ".", "home": str(tmp_path / "home"), "memory": "m/memory"}
    place = Place.of({**node, "level": "entity", "min_images": 2, **POLICY.budgeted()})
    assert (place.budget, place.budget_delta) == (8.0, 1e-6)
    assert place.budget_file == tmp_path / "home" / "budget.jsonl"
    assert Policy(("vein",), ("entity",)).budgeted() == {}


@pytest.mark.parametrize("wrong", [{"budget": -1.0}, {"budget": 1.0, "budget_delta": 0.9}])
def test_what_is_no_budget_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="'budget"):
        Policy(("vein",), ("entity",), **wrong)  # type: ignore[arg-type]
