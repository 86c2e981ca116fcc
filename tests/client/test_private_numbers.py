"""Numbers that a strict camera gives its people: one to one, stable, and nobody else's."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed import seeds
from isofed.client.place import Place
from isofed.client.workshop import _renumbered
from isofed.seeds import Secrets, simulated_secrets

PERSONS = 400
CAMERAS = tuple(f"cam{number}" for number in range(1, 7))
EVERYBODY = np.arange(PERSONS)


def place(home: Path, simulated: int | None = None, site: str = "cam1") -> Place:
    return Place(site, home, home, home / "memory", "camera_strict", 2, simulated=simulated)


def share(one: np.ndarray, other: np.ndarray) -> float:
    """Return how many of the equal numbers of two cameras mean the same person, as L2RW+ checks it."""
    return float((one == other).mean())


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60), st.binary(min_size=32, max_size=32))
def test_people_get_one_number_each_from_zero_up(labels: list[int], root: bytes) -> None:
    own = _renumbered(np.array(labels), Secrets(root))
    people = sorted(set(labels))
    pairs = set(zip(labels, own.tolist(), strict=True))
    assert len(pairs) == len(people) and {number for _, number in pairs} == set(range(len(people)))
    assert np.array_equal(own, _renumbered(np.array(labels), Secrets(root)))


@pytest.mark.parametrize("seed", range(5))
def test_equal_numbers_of_two_cameras_mean_the_same_person_by_chance_alone(seed: int) -> None:
    numbers = [_renumbered(EVERYBODY, simulated_secrets(seed, camera)) for camera in CAMERAS]
    shares = [share(a, b) for a, b in combinations(numbers, 2)]
    assert max(shares) < 0.05
    # of n people one is expected to keep its number, whatever n: 15 pairs, mean 1 with a spread of 0.26
    assert np.mean(shares) * PERSONS < 2.5
    for own in numbers:
        assert share(own, EVERYBODY) < 0.05 and share(own, EVERYBODY[::-1]) < 0.05
        assert abs(np.corrcoef(own, EVERYBODY)[0, 1]) < 0.25


def test_with_the_common_numbering_the_check_would_sound() -> None:
    assert share(EVERYBODY, EVERYBODY) == 1.0


def test_two_real_homes_give_two_numberings_and_one_home_the_same(tmp_path: Path) -> None:
    one, again, other = (
        _renumbered(EVERYBODY, place(tmp_path / home).secrets) for home in ("one", "one", "other")
    )
    assert np.array_equal(one, again) and share(one, other) < 0.05
    secret = tmp_path / "one" / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600 and len(secret.read_bytes()) == 32
    assert not place(tmp_path / "one").secrets.simulated


def test_a_real_sites_numbers_follow_from_no_public_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*arguments: object) -> int:
        raise AssertionError("a public seed was asked for")

    plain = _renumbered(EVERYBODY, place(tmp_path).secrets)
    for seed in range(20):
        assert share(plain, _renumbered(EVERYBODY, simulated_secrets(seed, "cam1"))) < 0.05
        public = seeds.public(seed, 0, "cam1", "identity numbers").permutation(PERSONS)
        assert share(plain, public) < 0.05
    monkeypatch.setattr(seeds, "public_key", told)
    assert np.array_equal(plain, _renumbered(EVERYBODY, place(tmp_path).secrets))


def test_a_simulations_numbers_repeat_and_are_marked(tmp_path: Path) -> None:
    one, again, later = (place(tmp_path, seed).secrets for seed in (3, 3, 4))
    assert one.simulated and not (tmp_path / "secret").exists()
    assert np.array_equal(_renumbered(EVERYBODY, one), _renumbered(EVERYBODY, again))
    assert share(_renumbered(EVERYBODY, one), _renumbered(EVERYBODY, later)) < 0.05


def test_one_use_of_a_secret_tells_nothing_of_another() -> None:
    secrets = simulated_secrets(0, "cam1")
    draws = [
        secrets.generator(*use).permutation(PERSONS)
        for use in (
            (0, 0, "identity numbers"),
            (1, 0, "identity numbers"),
            (0, 1, "identity numbers"),
            (0, 0, "x"),
        )
    ]
    assert all(share(a, b) < 0.05 for a, b in combinations(draws, 2))
    assert "root" not in repr(secrets)
