import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError, DataError
from isofed.tasks.reid.layouts.tracklets import (
    ALONE,
    CHOICES,
    Tracklets,
    drawn,
    partners,
    spread,
    spread_drawn,
    strips,
    strips_drawn,
)

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=12).map(lambda values: np.array(values, np.int64))
COUNTS = st.integers(1, 12)


def _made(lengths: list[int], count: int, choice: str, partner: list[int] | None = None) -> Tracklets:
    """Return tracklets in which frame f of tracklet t is filled with 10 t + f."""
    values = np.concatenate([10 * row + np.arange(length) for row, length in enumerate(lengths)])
    starts = np.cumsum([0, *lengths[:-1]])
    rows = np.arange(len(lengths))
    frames = np.broadcast_to(values.astype(np.uint8)[:, None, None, None], (len(values), 4, 2, 3))
    pairs = None if partner is None else np.array(partner)
    return Tracklets(frames, starts, np.array(lengths), rows, rows, count, choice, pairs)


@given(lengths=LENGTHS, count=COUNTS)
def test_strips_cover_a_tracklet_evenly(lengths: np.ndarray, count: int) -> None:
    first, rng = strips(lengths, count), np.random.default_rng(0)
    some = strips_drawn(lengths, count, rng)
    for row, length in enumerate(lengths.tolist()):
        wide = -(-length // count)
        padded = [*range(length), *[length - 1] * (wide * count - length)]
        cut = [padded[wide * place : wide * (place + 1)] for place in range(count)]
        assert first[row].tolist() == [strip[0] for strip in cut]
        assert all(moment in strip for moment, strip in zip(some[row].tolist(), cut, strict=True))


def test_strips_of_the_published_sizes() -> None:
    assert strips(np.array([24, 12, 13]), 6).tolist() == [
        [0, 4, 8, 12, 16, 20],
        [0, 2, 4, 6, 8, 10],
        [0, 3, 6, 9, 12, 12],
    ]


@pytest.mark.parametrize("length", [1, 4, 10, 11, 37, 110])
def test_spread_frames_are_those_of_the_released_code(length: int) -> None:
    expected = np.linspace(0, length, 10, endpoint=False, dtype=int)
    assert spread(np.array([length]), 10).tolist() == [expected.tolist()]


@given(lengths=LENGTHS, count=COUNTS, seed=st.integers(0, 999))
def test_drawn_frames_are_in_order_and_different_where_they_can_be(
    lengths: np.ndarray, count: int, seed: int
) -> None:
    moments = spread_drawn(lengths, count, np.random.default_rng(seed))
    assert moments.shape == (len(lengths), count)
    assert (np.diff(moments, axis=1) >= 0).all() and (moments >= 0).all()
    assert (moments < lengths[:, None]).all()
    for row in np.flatnonzero(lengths >= count):
        assert len(set(moments[row].tolist())) == count


@pytest.mark.parametrize("choice", CHOICES)
def test_every_frame_is_drawn_about_equally_often(choice: str) -> None:
    _, draw = CHOICES[choice]
    moments = draw(np.full(6000, 24), 6, np.random.default_rng(0))
    counts = np.bincount(moments.ravel(), minlength=24)
    assert counts.min() > 0.9 * 1500 and counts.max() < 1.1 * 1500


def test_frames_come_from_their_own_tracklet() -> None:
    films = _made([4, 9, 5], 3, "strips")
    assert len(films) == 3
    assert films.batch(slice(1, 3)).shape == (2, 3, 4, 2, 3)
    assert films.batch(np.array([2, 0]))[..., 0, 0, 0].tolist() == [[20, 22, 24], [0, 2, 3]]
    values = films.draw(np.array([2, 0, 2, 1]), np.random.default_rng(0))[..., 0, 0, 0]
    assert (values // 10 == np.array([[2], [0], [2], [1]])).all()


def test_the_generator_decides_and_tests_do_not_vary() -> None:
    films, rows = _made([24, 24], 6, "spread"), np.array([0, 1])
    one, two, other = (films.draw(rows, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    assert np.array_equal(films.batch(rows), films.batch(rows))


def test_a_partner_that_follows_shows_the_same_moments() -> None:
    films = _made([9, 7, 9, 9], 3, "spread", [1, 0, 3, 2])
    values = films.draw(np.array([2, 3, 0, 1, 3, 2]), np.random.default_rng(0))[..., 0, 0, 0] % 10
    assert np.array_equal(values[0::2], values[1::2])
    assert values[2].max() < 7


def test_others_show_moments_of_their_own() -> None:
    films = _made([9] * 4, 3, "spread", [1, 0, 3, 2])
    rows = np.array([0, 2] * 40)
    values = films.draw(rows, np.random.default_rng(0))[..., 0, 0, 0] % 10
    assert not np.array_equal(values[0::2], values[1::2])
    odd = films.draw(np.array([1, 2, 0]), np.random.default_rng(0))
    assert odd.shape == (3, 3, 4, 2, 3)


def test_images_pass_as_they_are_and_leave_the_generator_alone() -> None:
    images, rng = np.arange(24, dtype=np.uint8).reshape(4, 2, 1, 3), np.random.default_rng(0)
    before = rng.bit_generator.state
    assert np.array_equal(drawn(images, np.array([3, 1]), rng), images[[3, 1]])
    assert rng.bit_generator.state == before
    films = _made([4, 4], 2, "strips")
    assert drawn(films, np.array([1]), rng).shape == (1, 2, 4, 2, 3)


def test_pairs_are_refused_where_there_are_none() -> None:
    with pytest.raises(ConfigError, match=r"holds images; expected tracklets in pairs.*task.paired=false"):
        partners(np.zeros((2, 4, 2, 3), np.uint8))
    for alone in (None, [ALONE, ALONE]):
        with pytest.raises(DataError, match=r"no tracklet .* has a partner.*task.paired=false"):
            partners(_made([4, 4], 2, "strips", alone))
    assert partners(_made([4, 4], 2, "strips", [1, 0])).tolist() == [1, 0]
