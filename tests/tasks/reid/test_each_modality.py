import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.reid.sampling import each_modality


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=20),
    per_identity=st.integers(1, 5),
    identities=st.integers(1, 4),
)
def test_every_batch_holds_p_identities_times_k_images_of_each_modality(
    seed: int, sizes: list[tuple[int, int]], per_identity: int, identities: int
) -> None:
    rng = np.random.default_rng(seed)
    people = rng.permutation(1000)[: len(sizes)]
    labels = np.concatenate([np.repeat(p, sum(size)) for p, size in zip(people, sizes, strict=True)])
    domains = np.concatenate([np.repeat([0, 1], size) for size in sizes])
    order = rng.permutation(len(labels))
    labels, domains = labels[order], domains[order]
    if sum(min(size) > 0 for size in sizes) < identities:
        with pytest.raises(DataError):
            each_modality(labels, domains, identities, per_identity, rng)
        return
    rows = each_modality(labels, domains, identities, per_identity, rng)
    block = identities * per_identity
    most = max(np.bincount(domains))
    assert rows.dtype == np.int64 and rows.shape == (most // block + 1, 2 * block)
    assert (domains[rows[:, :block]] == 0).all() and (domains[rows[:, block:]] == 1).all()
    assert np.array_equal(labels[rows[:, :block]], labels[rows[:, block:]])
    for batch in labels[rows[:, :block]]:
        names, counts = np.unique(batch, return_counts=True)
        assert len(names) == identities and (counts == per_identity).all()
        assert (batch.reshape(identities, per_identity) == batch[::per_identity, None]).all()


def test_steps_of_the_published_pools() -> None:
    # RegDB and SYSU-MM01 together: 24318 visible and 13969 infrared images
    labels = np.arange(24318 + 13969) % 601
    domains = (np.arange(len(labels)) >= 24318).astype(np.int64)
    assert each_modality(labels, domains, 8, 4, np.random.default_rng(0)).shape == (760, 64)


def test_images_and_identities_are_drawn_about_equally() -> None:
    labels, domains = np.repeat(np.arange(10), 6), np.tile([0, 0, 0, 1, 1, 1], 10)
    rng = np.random.default_rng(0)
    drawn = [each_modality(labels, domains, 5, 4, rng).ravel() for _ in range(400)]
    counts = np.bincount(np.concatenate(drawn), minlength=60)
    assert counts.min() > 0.85 * counts.mean() and counts.max() < 1.15 * counts.mean()


def test_the_generator_decides() -> None:
    labels, domains = np.repeat(np.arange(12), 5), np.tile([0, 0, 1, 1, 1], 12)
    one, two, other = (each_modality(labels, domains, 8, 4, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


@pytest.mark.parametrize("domain", [0, 1])
def test_one_modality_is_refused(domain: int) -> None:
    labels = np.repeat(np.arange(9) + 640, 5)
    with pytest.raises(DataError, match=r"one modality.*per_modality") as error:
        each_modality(labels, np.full(45, domain), 8, 4, np.random.default_rng(0))
    assert "64" not in str(error.value)


def test_too_few_identities_in_both_are_refused() -> None:
    labels, domains = np.repeat(np.arange(9) + 640, 4), np.tile([0, 0, 1, 1], 9)
    domains[:8] = 0
    with pytest.raises(DataError, match=r"7 identities in both.*8 different.*batch_identities") as error:
        each_modality(labels, domains, 8, 4, np.random.default_rng(0))
    assert "640" not in str(error.value)
