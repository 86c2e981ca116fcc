import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.reid.sampling import batches, paired, steps_per_round


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 9), min_size=3, max_size=20),
    per_identity=st.integers(1, 8),
    data=st.data(),
)
def test_every_batch_holds_p_identities_times_k_images(
    seed: int, sizes: list[int], per_identity: int, data: st.DataObject
) -> None:
    identities = data.draw(st.integers(1, len(sizes)))
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(rng.permutation(1000)[: len(sizes)], sizes))
    chosen = batches(labels, identities, per_identity, rng)
    assert chosen.dtype == np.int64
    assert chosen.shape == (len(labels) // (identities * per_identity) + 1, identities * per_identity)
    for batch in labels[chosen]:
        names, counts = np.unique(batch, return_counts=True)
        assert len(names) == identities and (counts == per_identity).all()
        assert (batch.reshape(identities, per_identity) == batch[::per_identity, None]).all()


def test_steps_of_the_sysu_clients() -> None:
    images = [4721, 5753, 7909, 5811, 5973, 4000]
    assert [steps_per_round(n, 8, 8) for n in images] == [74, 90, 124, 91, 94, 63]


def test_all_images_and_identities_are_drawn_about_equally() -> None:
    labels = np.repeat(np.arange(10), 6)
    rng = np.random.default_rng(0)
    counts = np.bincount(
        np.concatenate([batches(labels, 5, 4, rng).ravel() for _ in range(400)]), minlength=60
    )
    assert counts.min() > 0.85 * counts.mean() and counts.max() < 1.15 * counts.mean()


def test_images_repeat_within_an_identity() -> None:
    chosen = batches(np.repeat(np.arange(8), 2), 8, 8, np.random.default_rng(0))
    assert all(len(np.unique(row)) <= 16 < len(row) for row in chosen)


def test_the_generator_decides() -> None:
    labels = np.repeat(np.arange(12), 5)
    one, two, other = (batches(labels, 8, 4, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


@pytest.mark.parametrize("people", [0, 1, 7])
def test_too_few_identities_are_refused(people: int) -> None:
    labels = np.repeat(np.arange(people) + 640, 50)
    with pytest.raises(DataError, match=f"{people} identities.*8 different") as error:
        batches(labels, 8, 8, np.random.default_rng(0))
    assert "640" not in str(error.value) and "batch_identities" in str(error.value)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 4), min_size=3, max_size=9), data=st.data())
def test_pairs_stand_side_by_side(seed: int, sizes: list[int], data: st.DataObject) -> None:
    identities, per_identity = data.draw(st.integers(1, len(sizes))), data.draw(st.integers(1, 3))
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.repeat(np.arange(len(sizes)) * 7, sizes))
    pairs = len(owners)
    # every person's pairs, and a tracklet alone at the end
    labels = np.append(np.repeat(owners, 2), 0)
    partner = np.append(np.arange(2 * pairs) ^ 1, -1)
    chosen = paired(labels, partner, identities, per_identity, rng)
    assert chosen.shape == (pairs // (identities * per_identity) + 1, 2 * identities * per_identity)
    assert (chosen[:, 1::2] == partner[chosen[:, 0::2]]).all() and (chosen[:, 0::2] < chosen[:, 1::2]).all()
    for batch in labels[chosen]:
        names, counts = np.unique(batch, return_counts=True)
        assert len(names) == identities and (counts == 2 * per_identity).all()


def test_pairs_of_too_few_identities_are_refused() -> None:
    labels, partner = np.repeat(np.arange(9), 2), np.arange(18) ^ 1
    partner[4:] = -1
    with pytest.raises(DataError, match=r"2 identities.*8 different"):
        paired(labels, partner, 8, 1, np.random.default_rng(0))
