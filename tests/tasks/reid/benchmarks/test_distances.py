import numpy as np
import pytest

from isofed.tasks.reid.benchmarks.distances import METRICS

RANDOM = np.random.default_rng(0)
QUERY, GALLERY = (RANDOM.normal(size=(n, 96)).astype(np.float32) for n in (37, 53))


def between(metric, query=QUERY, gallery=GALLERY):
    return METRICS[metric].between(query, METRICS[metric].prepare(gallery))


def test_cosine_is_the_dot_product_of_unit_rows():
    lengths = [np.linalg.norm(rows.astype(float), axis=1, keepdims=True) for rows in (QUERY, GALLERY)]
    assert between("cosine") == pytest.approx(-(QUERY / lengths[0]) @ (GALLERY / lengths[1]).T, abs=1e-6)


def test_euclidean_ranks_as_the_distance_does():
    expected = np.linalg.norm(QUERY[:, None].astype(float) - GALLERY[None], axis=2)
    assert np.sqrt(between("euclidean")) == pytest.approx(expected, abs=1e-5)


def test_zero_rows_are_far_from_nothing():
    assert not between("cosine", np.zeros((1, 96), np.float32)).any()


@pytest.mark.parametrize("metric", METRICS)
def test_blocks_and_places_cannot_be_seen(metric):
    whole = between(metric)
    rows = [between(metric, QUERY[row : row + 1])[0] for row in range(len(QUERY))]
    columns = [between(metric, gallery=GALLERY[: column + 1])[:, column] for column in range(len(GALLERY))]
    assert np.array_equal(whole, rows)
    assert np.array_equal(whole, np.transpose(columns))
    assert whole.dtype == np.float32


@pytest.mark.parametrize("metric", METRICS)
def test_equal_embeddings_are_exactly_tied(metric):
    twins = between(metric, gallery=np.vstack([GALLERY, GALLERY]))
    assert np.array_equal(twins[:, : len(GALLERY)], twins[:, len(GALLERY) :])
