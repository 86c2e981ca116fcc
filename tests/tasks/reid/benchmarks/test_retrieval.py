"""Hand-made matrices, and an oracle that ranks one query at a time in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.reid.benchmarks.ranks import statistics
from isofed.tasks.reid.benchmarks.retrieval import RULES, labels
from isofed.tasks.reid.benchmarks.tally import EMPTY, MAX_RANK, Statistics

DISTANCES = np.array(
    [
        [0.10, 0.20, 0.30, 0.40, 0.50, 0.60],
        [0.30, 0.10, 0.60, 0.20, 0.50, 0.40],
        [0.25, 0.15, 0.05, 0.45, 0.35, 0.55],
    ]
)
QUERY_IDS = [1, 2, 3]
GALLERY = labels([1, 2, 1, 3, 2, 3], [1, 2, 2, 4, 5, 1])

# rule, query cameras, R1, R2, R3, mAP, mINP
BY_HAND = [
    ("regdb", [3, 3, 6], 2 / 3, 2 / 3, 2 / 3, 0.6, 7 / 15),
    ("sysu", [3, 3, 6], 1 / 3, 1 / 3, 1.0, (1 + 1 / 4 + 4 / 15) / 3, (1 + 1 / 4 + 1 / 3) / 3),
    ("llcm", [1, 2, 4], 0.0, 1 / 3, 1.0, 0.95 / 3, 0.95 / 3),
    ("hitsz_vcm", [1, 2, 4], 0.0, 1 / 3, 1 / 3, 0.95 / 3, 0.95 / 3),
    ("buptcampus", [3, 3, 6], 2 / 3, 2 / 3, 2 / 3, 0.6, 7 / 15),
]


@pytest.mark.parametrize(("rule", "cams", "r1", "r2", "r3", "ap", "inp"), BY_HAND)
def test_hand_made_matrix(rule, cams, r1, r2, r3, ap, inp):
    found = statistics(DISTANCES, labels(QUERY_IDS, cams), GALLERY, RULES[rule])
    assert [found.cmc(rank) for rank in (1, 2, 3)] == pytest.approx([r1, r2, r3])
    assert found.result()["mAP"] == pytest.approx(ap, abs=1e-10)
    assert found.result()["mINP"] == pytest.approx(inp, abs=1e-10)


@pytest.mark.parametrize("rule", RULES)
def test_last_hit_counts_in_the_penalty(rule):
    # one over the last hit's rank, 1/3, is what a well-known program gives for films
    found = statistics(np.array([[1, 2, 3]]), labels([7], [6]), labels([7, 8, 7], [1, 1, 1]), RULES[rule])
    assert found.result()["mAP"] == pytest.approx(5 / 6)
    assert found.result()["mINP"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("rule", "camera"), [("sysu", 2), ("llcm", 3), ("hitsz_vcm", 3)])
def test_query_without_a_match_left_changes_nothing(rule, camera):
    query, more = labels(QUERY_IDS, [3, 3, 6]), labels([*QUERY_IDS, 9], [3, 3, 6, 3])
    gallery = labels([*GALLERY.ids, 9], [*GALLERY.cams, camera])
    distances = np.hstack([DISTANCES, [[0.7], [0.7], [0.7]]])
    extra = np.vstack([distances, np.arange(7.0)])
    expected = statistics(distances, query, gallery, RULES[rule])
    assert statistics(extra, more, gallery, RULES[rule]) == expected


def oracle(distances, query, gallery, rule):
    """Score queries one at a time, straight from the definitions."""
    per_query = []
    for row, (person, camera) in zip(distances, query, strict=True):
        items = sorted(
            (d, place) for place, d in enumerate(row) if not skipped(rule, person, camera, *gallery[place])
        )
        people = [gallery[place][0] for _, place in items]
        ranks = [rank for rank, other in enumerate(people, 1) if other == person]
        if ranks:
            counted = list(dict.fromkeys(people)) if rule in ("sysu", "llcm") else people
            precision = sum(nth / rank for nth, rank in enumerate(ranks, 1)) / len(ranks)
            per_query.append((counted.index(person) + 1, precision, len(ranks) / ranks[-1]))
    return per_query


def skipped(rule, person, camera, other, other_camera):
    if rule == "sysu":
        return camera == 3 and other_camera == 2
    return rule in ("llcm", "hitsz_vcm") and person == other and camera == other_camera


@st.composite
def problems(draw):
    rule = draw(st.sampled_from(sorted(RULES)))
    cams = {"sysu": ([3, 6], [1, 2, 4, 5]), "regdb": ([2], [1])}.get(rule, ([1, 2, 3], [1, 2, 3]))
    query, gallery = (
        draw(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(side)), min_size=1, max_size=9))
        for side in cams
    )
    values = st.integers(-3, 3)
    row = st.lists(values, min_size=len(gallery), max_size=len(gallery))
    distances = draw(st.lists(row, min_size=len(query), max_size=len(query)))
    return rule, query, gallery, np.array(distances, np.float32) / 4


def arrays(pairs):
    return labels(*np.array(pairs, np.int64).T)


def score(rule, query, gallery, distances, **options):
    return statistics(distances, arrays(query), arrays(gallery), RULES[rule], **options)


@given(problems())
def test_agrees_with_the_oracle(problem):
    rule, query, gallery, distances = problem
    found, expected = score(*problem), oracle(distances, query, gallery, rule)
    assert found.queries == len(expected)
    assert found.ap == pytest.approx(sum(ap for _, ap, _ in expected), abs=1e-9)
    assert found.inp == pytest.approx(sum(inp for _, _, inp in expected), abs=1e-9)
    hits = [sum(rank <= k for rank, _, _ in expected) for k in range(1, MAX_RANK + 1)]
    assert list(found.hits) == hits


@given(problems(), st.integers(0, 9))
def test_merging_parts_equals_the_whole(problem, cut):
    rule, query, gallery, distances = problem
    parts = [(query[:cut], distances[:cut]), (query[cut:], distances[cut:])]
    found = [score(rule, rows, gallery, block) if rows else EMPTY for rows, block in parts]
    assert found[0] + found[1] == found[1] + found[0] == score(*problem)


@given(problems(), st.integers(1, 4))
def test_chunk_size_cannot_be_seen(problem, chunk):
    assert score(*problem, chunk=chunk) == score(*problem)


@given(problems(), st.randoms(use_true_random=False))
def test_gallery_order_cannot_be_seen_where_distances_differ(problem, random):
    rule, query, gallery, distances = problem
    distances = distances + np.arange(len(gallery), dtype=np.float32) / 64
    columns = random.sample(range(len(gallery)), len(gallery))
    moved = [gallery[column] for column in columns]
    assert score(rule, query, moved, distances[:, columns]) == score(rule, query, gallery, distances)


def test_ties_keep_the_order_of_the_gallery_and_zero_has_no_sign():
    query = labels([1], [6])
    tied = np.array([[0.0, -0.0]], np.float32)
    assert statistics(tied, query, labels([1, 2], [1, 1]), RULES["sysu"]).cmc(1) == 1
    assert statistics(tied, query, labels([2, 1], [1, 1]), RULES["sysu"]).cmc(1) == 0


def test_more_than_twenty_ranks_are_a_miss():
    people = np.arange(30)
    query, gallery = labels([25], [6]), labels(people, np.ones(30))
    found = statistics(people[None].astype(np.float32), query, gallery, RULES["sysu"])
    assert found == Statistics(1, found.ap, found.inp, (0,) * MAX_RANK)
    assert found.ap == pytest.approx(1 / 26)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_distances_must_be_finite_and_fit(bad):
    query = labels(QUERY_IDS, [3, 3, 6])
    with pytest.raises(DataError, match="NaN or infinity"):
        statistics(np.where(DISTANCES == 0.1, bad, DISTANCES), query, GALLERY, RULES["sysu"])
    with pytest.raises(DataError, match="shape"):
        statistics(DISTANCES[:, :5], query, GALLERY, RULES["sysu"])
