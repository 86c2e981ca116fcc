"""Some tracklets of many: their frames stay where they are, and pairs stay pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isofed.client.holdout import split
from isofed.tasks.reid.layouts.tracklets import Tracklets, partners, still
from isofed.tasks.task import Samples

COUNT = 8


def films(partner: np.ndarray | None) -> Tracklets:
    """Eight tracklets of two to nine frames; a frame's pixels are its own number."""
    lengths = np.arange(COUNT) + 2
    starts = np.cumsum(lengths) - lengths
    frames = np.broadcast_to(np.arange(lengths.sum(), dtype=np.uint8)[:, None, None, None], (44, 2, 1, 3))
    ids = np.arange(COUNT)
    return Tracklets(frames, starts, lengths, ids, ids + 10, 2, "strips", partner)


def paired() -> np.ndarray:
    return np.array([1, 0, 3, 2, -1, 6, 5, -1])


@given(st.lists(st.sampled_from(range(COUNT)), min_size=1, unique=True).map(np.array))
def test_a_part_shows_the_same_frames(rows: np.ndarray) -> None:
    whole = films(paired())
    part = whole.part(rows)
    assert part.frames is whole.frames and len(part) == len(rows)
    assert np.array_equal(part.batch(np.arange(len(rows))), whole.batch(rows))
    assert np.array_equal(still(part, np.array([0])), whole.batch(rows[:1]))
    assert np.array_equal(part.ids, whole.ids[rows]) and np.array_equal(part.cams, whole.cams[rows])


@given(st.lists(st.sampled_from(range(COUNT)), min_size=1, unique=True).map(np.array))
def test_a_partner_is_found_at_its_new_place_or_lost(rows: np.ndarray) -> None:
    part = films(paired()).part(rows)
    assert part.partner is not None
    for place, (row, found) in enumerate(zip(rows, part.partner, strict=True)):
        other = paired()[row]
        assert (found == -1) == (other not in rows.tolist()), (place, row)
        assert found == -1 or rows[found] == other


def test_without_pairs_there_is_none_to_lose() -> None:
    part = films(None).part(np.array([3, 1]))
    assert part.partner is None and np.array_equal(films(None).scenes, np.arange(COUNT))


def test_scenes_are_pairs() -> None:
    assert films(paired()).scenes.tolist() == [0, 0, 2, 2, 4, 5, 5, 7]


def test_a_pair_is_held_out_together_and_the_rest_still_train_in_pairs() -> None:
    inputs = films(np.array([1, 0, 3, 2, 5, 4, 7, 6]))
    trained, held = split(Samples(inputs, np.zeros(COUNT, np.int64)), 0.5, np.random.default_rng(0))
    for part in (trained, held):
        assert len(part) == 4 and (partners(part.inputs) >= 0).all()
    assert not set(trained.inputs.ids.tolist()) & set(held.inputs.ids.tolist())
