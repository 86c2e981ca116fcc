"""Counting ranks against ranking: any rule, any ties, any cut into tiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.reid.benchmarks import benchmark, ranks, walk
from isofed.tasks.reid.benchmarks.embeddings import embeddings
from isofed.tasks.reid.benchmarks.retrieval import RULES, labels, order
from isofed.tasks.reid.benchmarks.tally import MAX_RANK, tally

CAMERAS = {"sysu": ([3, 6], [1, 2, 4, 5]), "llcm": ([1, 2, 3], [1, 2, 3]), "hitsz_vcm": ([1, 2], [1, 2])}


def ranked(distances, query, gallery, rule):
    """Score whole rankings, as long as they are: the rule's definitions on what ``order`` gives."""
    found = order(distances, query, gallery, rule)
    right, columns = found.right[found.right.any(axis=1)], found.columns[found.right.any(axis=1)]
    ap, inp, first = [], [], []
    for hits, row in zip(right, columns, strict=True):
        places = np.flatnonzero(hits)
        nth = np.arange(1, len(places) + 1)
        ap.append(float(np.bincount(np.zeros(len(nth), int), nth / (places + 1))[0] / len(nth)))
        inp.append(len(nth) / (places[-1] + 1))
        before = gallery.ids[row[: places[0]]]
        first.append(len(np.unique(before)) if rule.deduplicated else len(before))
    return tally(np.array(ap), np.array(inp), np.minimum(np.array(first, int), MAX_RANK))


@st.composite
def problems(draw):
    name = draw(st.sampled_from(sorted(RULES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    people, levels = draw(st.integers(1, 40)), draw(st.sampled_from([1, 2, 5, 1000]))
    sizes = draw(st.integers(1, 12)), draw(st.integers(1, 90))
    sides = [
        labels(rng.integers(0, people, size), rng.choice(cams, size))
        for size, cams in zip(sizes, CAMERAS.get(name, ([2], [1])), strict=True)
    ]
    distances = rng.integers(-levels, levels, sizes) / np.float32(8)
    return distances * rng.choice(np.float32([-1, 1])), *sides, RULES[name]  # with zeros of both signs


@given(problems(), st.integers(1, 13), st.integers(1, 95))
def test_counting_equals_ranking_however_it_is_cut(problem, chunk, width):
    distances, query, gallery, rule = problem

    def against(columns):
        return lambda rows: distances[np.ix_(rows, columns)].astype(np.float32)

    assert ranks.count(against, query, gallery, rule, chunk, width) == ranked(*problem)


@given(problems(), st.integers(1, 30))
def test_neither_portions_nor_what_is_kept_can_be_seen(problem, hits):
    expected = ranked(*problem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "HITS", hits)
        patch.setattr(walk, "KEPT", 0)
        assert ranks.statistics(*problem, chunk=2) == expected


def side(name, rng, ids, cams, copies=False):
    """Return noisy copies of one direction for each person; with ``copies``, some are exactly equal."""
    centres = np.random.default_rng(5).normal(size=(60, 12))
    features = (centres[ids] + rng.normal(size=(len(ids), 12))).astype(np.float32)
    if copies:
        features[rng.integers(0, len(ids), len(ids) // 2)] = features[0]
    return embeddings(name, features, ids, cams)


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("name", sorted(RULES))
def test_features_in_many_blocks_score_as_one_matrix(name, metric, copies):
    rng = np.random.default_rng(3)
    asked, searched = CAMERAS.get(name, ([2], [1]))
    query = side("query", rng, rng.integers(0, 60, 150), rng.choice(asked, 150), copies)
    gallery = side("gallery", rng, rng.integers(0, 50, 2000), rng.choice(searched, 2000), copies)
    measure = benchmark.METRICS[metric]
    whole = measure.between(query.features, measure.prepare(gallery.features))
    expected = ranked(whole, query.labels, gallery.labels, RULES[name])

    def against(columns):
        prepared = measure.prepare(gallery.features[columns])
        return lambda rows: measure.between(query.features[rows], prepared)

    for chunk, width in ((16, 64), (150, 2000), (7, 333)):
        assert ranks.count(against, query.labels, gallery.labels, RULES[name], chunk, width) == expected
    setting = benchmark.benchmark(name, draws="none", metric=metric)
    assert benchmark.evaluate(setting, query, gallery) == (expected,)


def test_persons_that_go_on_from_block_to_block_are_counted_once():
    people = np.repeat([1, 2, 3, 4], [7, 1, 9, 2])
    query, gallery = labels([4], [6]), labels(people, np.ones(19))
    distances = np.linspace(0, 1, 19, dtype=np.float32)[None]
    for width in range(1, 20):
        found = ranks.count(
            lambda c: lambda r: distances[np.ix_(r, c)], query, gallery, RULES["sysu"], 1, width
        )
        assert found.hits[:4] == (0, 0, 0, 1)


@pytest.mark.parametrize(("kept", "blocks", "tiles"), [(0, 16, 72), (7 * 64, 16, 65), (8 * 64, 16, 64)])
def test_each_block_is_opened_once_a_walk_and_tiles_are_kept_while_there_is_room(
    monkeypatch, kept, blocks, tiles
):
    opened, computed = [], []

    def against(columns):
        opened.append(len(columns))

        def compare(rows):
            computed.append((len(rows), len(columns)))
            return np.ones((len(rows), len(columns)), np.float32)

        return compare

    people = np.arange(64)
    monkeypatch.setattr(walk, "KEPT", kept)
    ranks.count(against, labels(people, people), labels(people, people), RULES["regdb"], 8, 8)
    assert opened == [8] * blocks
    assert computed == [(8, 8)] * tiles


def test_distances_that_overflow_are_refused():
    query = embeddings("query", np.full((1, 2), 1e200), [1], [3])
    gallery = embeddings("gallery", np.full((1, 2), -1e200), [1], [1])
    setting = benchmark.benchmark("sysu", draws="none", metric="euclidean")
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(DataError, match="NaN or infinity"):
        benchmark.evaluate(setting, query, gallery)
