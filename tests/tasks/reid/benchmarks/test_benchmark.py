"""From embeddings to numbers: settings, draws, the published program's rule, pictures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError, DataError
from isofed.tasks.reid.benchmarks.benchmark import (
    benchmark,
    evaluate,
    evaluate_sysu,
    gallery_draws,
    ranking,
    summarise,
)
from isofed.tasks.reid.benchmarks.embeddings import embeddings
from isofed.tasks.reid.benchmarks.ranks import statistics
from isofed.tasks.reid.benchmarks.retrieval import RULES
from isofed.tasks.reid.benchmarks.tally import EMPTY, tally


def side(name, cameras, people, images, noise, seed):
    """Return noisy copies of one random direction for each person."""
    generator = np.random.default_rng(seed)
    ids, cams = (grid.ravel() for grid in np.meshgrid(np.repeat(people, images), cameras))
    centres = np.random.default_rng(99).normal(size=(max(people) + 1, 16))
    features = centres[ids] + noise * generator.normal(size=(len(ids), 16))
    return embeddings(name, features.astype(np.float32), ids, cams)


PEOPLE = [1, 2, 3, 5, 8, 13]
QUERY = side("query", [3, 6], PEOPLE, 4, 1.5, 1)
GALLERY = side("gallery", [1, 2, 4, 5], PEOPLE, 12, 1.5, 2)


def flat(made):
    return made.features, made.labels.ids, made.labels.cams


def sysu(query=QUERY, gallery=GALLERY, **options):
    return evaluate_sysu(*flat(query), *flat(gallery), **options)


@pytest.mark.parametrize("options", [{}, {"shots": 10}, {"search": "indoor"}, {"draws": "none"}])
def test_each_draw_is_what_its_columns_alone_give(options):
    setting = benchmark("sysu", **options)
    draws = gallery_draws(setting, QUERY, GALLERY)
    unit = [s.features / np.linalg.norm(s.features, axis=1, keepdims=True) for s in (QUERY, GALLERY)]
    expected = tuple(
        statistics(
            1 - unit[0] @ unit[1][columns].T, QUERY.labels, GALLERY.labels.take(columns), RULES["sysu"]
        )
        for columns in draws
    )
    assert sysu(**options) == expected
    assert len(expected) == (1 if options.get("draws") == "none" else 10)


@pytest.mark.parametrize(("search", "shots", "size"), [("all", 1, 24), ("all", 10, 240), ("indoor", 1, 12)])
def test_sizes_of_a_draw(search, shots, size):
    for columns in gallery_draws(benchmark("sysu", search, shots), QUERY, GALLERY):
        assert len(columns) == size
        assert set(GALLERY.labels.cams[columns]) == {1, 2, 4, 5} - ({4, 5} if search == "indoor" else set())


@pytest.mark.parametrize("chunk", [1, 7, 47, 48, 1000])
def test_chunk_size_cannot_be_seen(chunk):
    setting = benchmark("sysu", shots=10)
    assert evaluate(setting, QUERY, GALLERY, chunk) == sysu(shots=10)


def test_parts_of_the_queries_add_up():
    parts = [sysu(QUERY.take(slice(*cut))) for cut in ((0, 5), (5, 48))]
    assert tuple(a + b for a, b in zip(*parts, strict=True)) == sysu()


def test_separable_people_are_found_and_shuffled_ones_are_not():
    clean = [side(name, cams, PEOPLE, 3, 0.01, 3) for name, cams in (("query", [3, 6]), ("gallery", [1, 4]))]
    found = summarise(sysu(*clean))
    assert all(value["mean"] == 1 for value in found.values())
    shuffled = embeddings("query", clean[0].features, np.roll(clean[0].labels.ids, 3), clean[0].labels.cams)
    assert summarise(sysu(shuffled, clean[1]))["R1"]["mean"] == 0


def test_metrics_agree_on_unit_features_and_differ_on_others():
    lengths = np.linalg.norm(GALLERY.features, axis=1, keepdims=True)
    unit = embeddings("gallery", GALLERY.features / lengths, GALLERY.labels.ids, GALLERY.labels.cams)
    assert sysu(gallery=unit, metric="euclidean") == sysu(gallery=unit)
    assert sysu(metric="euclidean") != sysu()


def published_program(query, gallery, distances):
    """Score as the published MATLAB evaluation does: locations instead of cameras, ids made unique."""
    location = {1: 1, 2: 2, 3: 2, 4: 4, 5: 5, 6: 6}
    ranks, precisions = [], []
    for row, (person, camera) in zip(distances, query, strict=True):
        ordered = [gallery[place] for place in np.argsort(row, kind="stable")]
        people = [other for other, where in ordered if location[where] != location[camera]]
        if person in people:
            ranks.append(list(dict.fromkeys(people)).index(person))
            places = np.flatnonzero(np.array(people) == person) + 1
            precisions.append(np.mean(np.arange(1, len(places) + 1) / places))
    return ranks, precisions


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_several_shots_are_scored_as_the_published_program_does(seed, people):
    generator = np.random.default_rng(seed)
    pairs = [
        np.stack([generator.integers(0, people, n), generator.choice(cams, n)], axis=1)
        for n, cams in ((6, [3, 6]), (40, [1, 2, 4, 5]))
    ]
    query, gallery = (
        embeddings(name, generator.normal(size=(len(pair), 3)), *pair.T)
        for name, pair in zip(("query", "gallery"), pairs, strict=True)
    )
    distances = np.linalg.norm(query.features[:, None] - gallery.features[None], axis=2)
    ranks, precisions = published_program(pairs[0].tolist(), pairs[1].tolist(), distances)
    (found,) = sysu(query, gallery, draws="none", metric="euclidean")
    assert found.queries == len(ranks)
    assert list(found.hits[:5]) == [sum(rank < k for rank in ranks) for k in range(1, 6)]
    assert found.ap == pytest.approx(sum(precisions), abs=1e-9)


def test_regdb_and_llcm_use_their_own_rules():
    (plain,) = evaluate(benchmark("regdb"), QUERY, GALLERY)
    assert plain.queries == 48
    assert plain.hits[0] <= plain.hits[1]
    both = side("query", [1, 2], PEOPLE, 2, 1.5, 4)
    draws = evaluate(benchmark("llcm"), both, GALLERY)
    (alone,) = evaluate(benchmark("regdb"), both, GALLERY)
    assert len(draws) == 10
    assert alone not in draws


def test_the_summary_is_mean_and_sample_deviation_over_draws():
    ones, zeros = np.ones(4), np.zeros(4, int)
    found = summarise([tally(ones, ones / 2, zeros), tally(ones / 2, ones / 2, zeros + 4)])
    assert found["R1"] == {"mean": 0.5, "spread": pytest.approx(0.5**0.5)}
    assert found["mAP"] == {"mean": 0.75, "spread": pytest.approx(0.125**0.5)}
    assert found["mINP"] == {"mean": 0.5, "spread": 0}
    assert summarise([tally(ones, ones, zeros)])["R20"] == {"mean": 1, "spread": 0}
    with pytest.raises(DataError, match="no query"):
        summarise([EMPTY])


def test_pictures_show_the_front_of_the_ranking():
    query = embeddings("query", np.array([[1.0, 0.0], [0.0, 1.0]]), [7, 8], [3, 6])
    spread = np.linspace(0.1, 1.4, 4)
    features = np.stack([np.cos(spread), np.sin(spread)], axis=1)
    gallery = embeddings("gallery", features, [7, 7, 8, 7], [2, 1, 4, 5])
    found = ranking(query, gallery, 5, "sysu")
    assert found.columns.tolist() == [[1, 2, 3, -1, -1], [3, 2, 1, 0, -1]]
    assert found.right.tolist() == [[True, False, True, False, False], [False, True, False, False, False]]
    assert ranking(query, gallery, 2, "sysu").columns.tolist() == [[1, 2], [3, 2]]


WRONG = [
    ({"rule": "sisu"}, "did you mean 'sysu'"),
    ({"search": "indor"}, "did you mean 'indoor'"),
    ({"draws": "agv"}, "did you mean 'agw'"),
    ({"metric": "cosin"}, "did you mean 'cosine'"),
    ({"shots": 5}, "1 or 10"),
    ({"draws": "official"}, "--permutations"),
    ({"draws": "none", "shots": 10}, "whole gallery"),
    ({"rule": "llcm", "search": "indoor"}, "indoor"),
    ({"rule": "llcm", "draws": "official"}, "sysu rule only"),
    ({"rule": "regdb", "draws": "agw"}, "set draws to auto"),
    ({"rule": "hitsz_vcm", "draws": "agw"}, "set draws to auto"),
    ({"rule": "buptcampus", "shots": 10}, "leave shots at 1"),
    ({"draws": "atuo"}, "did you mean 'auto'"),
]


@pytest.mark.parametrize(("options", "sentence"), WRONG)
def test_settings_that_make_no_sense_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        benchmark(**options)


def test_cameras_without_a_meaning_are_refused():
    with pytest.raises(DataError, match="query_cams hold 1 where the sysu rule knows 3, 6"):
        sysu(GALLERY, GALLERY)
    with pytest.raises(DataError, match="gallery_cams hold 3 "):
        sysu(QUERY, QUERY)
    with pytest.raises(DataError, match="gallery_cams hold 10 "):
        evaluate(benchmark("llcm"), QUERY, side("gallery", [10], PEOPLE, 1, 1, 0))
    with pytest.raises(DataError, match="no image of cameras 1, 2"):
        sysu(QUERY, side("gallery", [4], PEOPLE, 1, 1, 0), search="indoor")


FEATURES = np.ones((3, 2))
MALFORMED = [
    ((np.ones(3), [1] * 3, [3] * 3), "query_features must be a float array"),
    ((np.ones((3, 2), int), [1] * 3, [3] * 3), "found int64"),
    ((np.ones((0, 2)), [], []), "query_features must"),
    ((FEATURES * np.nan, [1] * 3, [3] * 3), "NaN or infinity"),
    ((FEATURES, [1] * 2, [3] * 3), "query_ids must be 3 integers"),
    ((FEATURES, [1] * 3, [3.0] * 3), "query_cams must be 3 integers"),
]


@pytest.mark.parametrize(("arrays", "sentence"), MALFORMED)
def test_malformed_embeddings_are_refused(arrays, sentence):
    with pytest.raises(DataError, match=sentence):
        embeddings("query", *arrays)


def test_two_widths_are_refused():
    narrow = embeddings("query", QUERY.features[:, :8], QUERY.labels.ids, QUERY.labels.cams)
    with pytest.raises(DataError, match="8 dimensions and gallery features 16"):
        sysu(narrow)
