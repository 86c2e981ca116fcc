"""Which samples are held out: every class on both sides, nobody on two, the same from the same seed."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.client.holdout import chosen, split
from isofed.seeds import public
from isofed.tasks.task import Part, Samples

labels = st.lists(st.integers(0, 5), min_size=1, max_size=60).map(lambda found: np.array(found, np.int64))
shares = st.floats(0.01, 0.5)
seeds = st.integers(0, 2**40)


def parts(given_labels: Any, share: float, seed: int) -> tuple[Samples, Samples]:
    """Split samples whose inputs are their own numbers."""
    count = len(given_labels) if given_labels is not None else 20
    return split(Samples(np.arange(count), given_labels), share, public(seed, 0, "cam1", "holdout"))


def rows(samples: Samples) -> list[int]:
    return [int(row) for row in samples.inputs[np.arange(len(samples))]]


@given(labels, shares, seeds)
def test_the_two_parts_are_the_whole_and_nothing_is_in_both(
    found: np.ndarray, share: float, seed: int
) -> None:
    trained, held = parts(found, share, seed)
    assert sorted(rows(trained) + rows(held)) == list(range(len(found)))
    assert rows(trained) == sorted(rows(trained)) and rows(held) == sorted(rows(held))
    for part in (trained, held):
        assert np.array_equal(part.labels, found[rows(part)])


@given(labels, shares, seeds)
def test_of_every_class_at_least_one_is_held_out_and_never_all(
    found: np.ndarray, share: float, seed: int
) -> None:
    _, held = parts(found, share, seed)
    there, kept = Counter(found.tolist()), Counter(held.labels.tolist())
    for label, count in there.items():
        assert kept[label] == (max(1, min(count - 1, int(share * count + 0.5))) if count > 1 else 0)


@given(labels, shares, seeds)
def test_the_choice_hangs_on_the_seed_and_the_site_alone(found: np.ndarray, share: float, seed: int) -> None:
    assert rows(parts(found, share, seed)[1]) == rows(parts(found, share, seed)[1])
    # what the classes are called does not matter: strict sites number people in secret
    assert rows(parts(7 - found, share, seed)[1]) == rows(parts(found, share, seed)[1])


def test_other_seeds_and_other_sites_choose_others() -> None:
    whole = Samples(np.arange(200), np.arange(200) % 5)
    draws = [public(seed, 0, site, "holdout") for seed, site in ((0, "a"), (1, "a"), (0, "b"))]
    assert len({tuple(rows(split(whole, 0.2, draw)[1])) for draw in draws}) == 3


@given(labels, shares, seeds)
def test_samples_of_one_scene_stay_together(found: np.ndarray, share: float, seed: int) -> None:
    kinds = np.concatenate([found, found])  # every scene is seen twice
    scenes = np.tile(np.arange(len(found)), 2)
    held = chosen(kinds, scenes, share, np.random.default_rng(seed))
    assert np.array_equal(held[: len(found)], held[len(found) :])
    for label in np.unique(found):
        assert held[kinds == label].any() == ((found == label).sum() > 1)
        assert not held[kinds == label].all()


@pytest.mark.parametrize("given_labels", [None, np.linspace(0, 1, 20), np.zeros((20, 3), np.int64)])
def test_without_classes_the_share_is_of_all(given_labels: Any) -> None:
    trained, held = parts(given_labels, 0.25, 0)
    assert (len(trained), len(held)) == (15, 5)


def test_a_holdout_of_zero_is_the_samples_themselves() -> None:
    whole, rng = Samples(np.arange(4), np.zeros(4, np.int64)), np.random.default_rng(0)
    trained, held = split(whole, 0.0, rng)
    assert trained is whole and len(held) == 0
    assert rng.random() == np.random.default_rng(0).random()


def test_pictures_are_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", np.arange(60).reshape(20, 3))
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    trained, held = split(Samples(mapped, None, np.arange(20)), 0.5, np.random.default_rng(0))
    for part in (trained, held):
        assert isinstance(part.inputs, Part) and part.inputs.whole is mapped
        assert np.array_equal(part.inputs[np.array([2, 0, 2])], mapped[part.domains[[2, 0, 2]]])
        assert np.array_equal(part.inputs[3], mapped[part.domains[3]])
