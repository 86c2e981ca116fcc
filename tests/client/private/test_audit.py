"""The audit of a private step: quiet where it is right, loud at each of three mistakes."""

import pytest
from audit_case import CASES, RIGHT, alarms

SEEDS, FALSE, FOUND = range(20), 1, 18


def test_the_step_is_as_private_as_it_claims() -> None:
    assert alarms(CASES[RIGHT].bounds(SEEDS)) <= FALSE


@pytest.mark.parametrize("name", sorted(set(CASES) - {RIGHT}))
def test_a_mistake_is_found(name: str) -> None:
    assert alarms(CASES[name].bounds(SEEDS)) >= FOUND
