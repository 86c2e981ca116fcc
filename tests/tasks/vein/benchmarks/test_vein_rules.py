"""Splits keep subjects on one side; sessions meet; what cannot be compared is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.benchmarks.rules import Takes


def takes(subjects: int, fingers: int = 2, sessions: int = 2, samples: int = 3) -> Takes:
    """Return a whole database's labels, in the order of subjects."""
    grid = np.stack(np.meshgrid(*map(np.arange, (subjects, fingers, sessions, samples)), indexing="ij"))
    return Takes(*(grid.reshape(4, -1) + 1))


@given(st.integers(2, 15), st.integers(2, 6), st.integers(0, 99))
def test_no_subject_is_on_both_sides(subjects: int, fingers: int, seed: int) -> None:
    found = takes(subjects, fingers)
    shuffled = found.take(np.random.default_rng(seed).permutation(len(found)))
    split = rules.open_set(shuffled)
    train, test = shuffled.subjects[split.train], shuffled.subjects[split.enrol]
    assert train.max() < test.min()
    assert len(np.unique(train)) == subjects // 2
    assert len(split.train) + len(split.enrol) == len(found)


def test_sessions_enrol_and_probe() -> None:
    found = takes(8)
    split = rules.sessions(found)
    assert split.probe is not None
    assert set(found.sessions[split.enrol]) == {1} and set(found.sessions[split.probe]) == {2}
    assert set(found.subjects[split.enrol]) == set(found.subjects[split.probe]) == {5, 6, 7, 8}


@pytest.mark.parametrize(("subjects", "tested"), [(3, 2), (29, 2), (30, 3), (2222, 222)])
def test_the_last_tenth_is_tested(subjects: int, tested: int) -> None:
    found = takes(subjects, 1, 1, 2)
    split = rules.tenth(found)
    assert set(found.subjects[split.enrol]) == set(range(subjects - tested + 1, subjects + 1))
    assert set(found.subjects[split.train]) == set(range(1, subjects - tested + 1))


def test_utfvp_nom() -> None:
    found = takes(60, 6, 2, 2)
    split = rules.nom(found)
    assert split.probe is not None
    parts = (split.train, split.develop, split.enrol, split.probe)
    assert [len(part) for part in parts] == [240, 432, 384, 384]
    people = [set(found.subjects[part]) for part in parts]
    assert people == [set(range(1, 11)), set(range(11, 29)), set(range(29, 61)), set(range(29, 61))]


def test_an_identity_is_subject_and_finger() -> None:
    found = takes(3, 2, 1, 2)
    assert found.ids().tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_the_gallery_is_the_first_sample_of_session_one() -> None:
    found = takes(3).take(np.random.default_rng(0).permutation(36))
    enrolled, probes = rules.gallery(found)
    first = found.take(enrolled)
    assert len(enrolled) == 6 and set(first.sessions) == set(first.samples) == {1}
    assert sorted([*enrolled, *probes]) == list(range(36))


@pytest.mark.parametrize("rule", sorted(rules.RULES))
def test_perfect_features_have_no_error(rule: str) -> None:
    found = takes(60, 6, 2, 2)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(360, 32))[found.ids()] + 0.01 * rng.normal(size=(len(found), 32))
    tally = rules.score(features, found, rules.RULES[rule](found))
    assert tally.eer()[0] == 0.0 and tally.hits == tally.probes > 0


def test_random_features_are_chance() -> None:
    found = takes(40, 4, 1, 4)
    features = np.random.default_rng(0).normal(size=(len(found), 64))
    assert rules.score(features, found, rules.open_set(found)).eer()[0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("found", "rule", "words"),
    [
        (takes(6, 2, 1, 1), "open_set", "0 of them more than once"),
        (takes(6, 2, 1, 4), "sessions", "two sessions"),
        (takes(1), "open_set", "expected two or more"),
        (takes(20), "nom", "two sessions"),
        (takes(2, 1, 1, 2), "open_set", "expected two fingers"),
        (takes(2), "tenth", "expected 3 or more"),
    ],
)
def test_what_cannot_be_compared_is_refused(found: Takes, rule: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        rules.RULES[rule](found)
