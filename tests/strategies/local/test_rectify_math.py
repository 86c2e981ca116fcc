from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.strategies.local.rectify_math import (
    cosine_rectification,
    mixed_rectification,
    rectified_centres,
)

FEATURES = torch.tensor([[1.0, 2.0], [2.0, 3.0]])
TARGETS = torch.tensor([[2.0, 1.0], [0.0, 0.0]])
POINTS = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [10.0, 10.0]])


def test_worked_losses() -> None:
    assert cosine_rectification(FEATURES, TARGETS).item() == pytest.approx(0.6)
    assert mixed_rectification(FEATURES, TARGETS).item() == pytest.approx(2.175)


@pytest.mark.parametrize("loss", [cosine_rectification, mixed_rectification])
def test_only_features_get_a_gradient(loss) -> None:  # type: ignore[no-untyped-def]
    features, targets = FEATURES.clone().requires_grad_(), TARGETS.clone().requires_grad_()
    loss(features, targets).backward()
    assert targets.grad is None
    assert features.grad is not None and features.grad[0].abs().sum() > 0


def test_a_zero_target_gives_one_and_no_gradient() -> None:
    features = FEATURES.clone().requires_grad_()
    loss = cosine_rectification(features, torch.zeros(2, 2))
    loss.backward()
    assert loss.item() == 1
    assert features.grad is not None and torch.equal(features.grad, torch.zeros(2, 2))


@pytest.mark.parametrize(
    ("k", "centre", "count"), [(2, (1, 1), 2), (3, (2 / 3, 2 / 3), 3), (4, (3, 3), 4), (5, (3, 3), 4)]
)
def test_worked_centres(k: int, centre: tuple[float, float], count: int) -> None:
    centres, counts = rectified_centres(POINTS, torch.tensor([1, 1, 1, 1]), torch.arange(4), 3, k)
    torch.testing.assert_close(centres[1], torch.tensor(centre, dtype=torch.float32))
    assert counts.tolist() == [0, count, 0]
    assert torch.equal(centres[[0, 2]], torch.zeros(2, 2))


def test_counts_are_of_images_not_of_features() -> None:
    labels, images = torch.tensor([0, 0, 0, 0, 1]), torch.tensor([7, 6, 8, 9, 7])
    _, counts = rectified_centres(torch.cat([POINTS, POINTS[:1]]), labels, images, 2, 3)
    assert counts.tolist() == [3, 1]  # the outlier was the only feature of image 9


@pytest.mark.parametrize(
    ("images", "count"),
    [([7, 7, 7, 8], 1), ([7, 7, 8, 8], 2), ([7, 7, 8, 9], 2), ([7, 8, 9, 10], 4), ([7, 7, 7, 7], 1)],
)
def test_no_image_makes_up_more_than_its_part(images: list[int], count: int) -> None:
    labels = torch.tensor([2, 2, 2, 2])
    _, counts = rectified_centres(POINTS, labels, torch.tensor(images), 3, 4)
    assert counts.tolist() == [0, 0, count]


def test_an_image_is_counted_for_each_identity_by_itself() -> None:
    labels, images = torch.tensor([0, 0, 1, 1]), torch.tensor([7, 8, 7, 7])
    _, counts = rectified_centres(POINTS, labels, images, 2, 4)
    assert counts.tolist() == [2, 1]


def test_features_left_out_count_for_nothing() -> None:
    labels, images = torch.zeros(4, dtype=torch.int64), torch.tensor([7, 8, 8, 8])
    _, counts = rectified_centres(POINTS, labels, images, 1, 3)  # the third of image 8 lies far away
    assert counts.tolist() == [1]
    _, counts = rectified_centres(POINTS, labels, torch.tensor([7, 8, 9, 9]), 1, 3)
    assert counts.tolist() == [3]


def test_no_features_at_all() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    centres, counts = rectified_centres(torch.zeros(0, 5), none, none, 3, 4)
    assert torch.equal(centres, torch.zeros(3, 5)) and counts.tolist() == [0, 0, 0]


def test_ties_go_to_the_earlier_row() -> None:
    square = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    centres, _ = rectified_centres(square, torch.zeros(4, dtype=torch.int64), torch.arange(4), 1, 1)
    assert centres[0].tolist() == [1.0, 0.0]


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        rectified_centres(POINTS, torch.zeros(4, dtype=torch.int64), torch.arange(4), 1, 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 40), st.integers(1, 6), st.integers(1, 8))
def test_agrees_with_loops(seed: int, rows: int, classes: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    features = torch.from_numpy(rng.standard_normal((rows, 3)))
    labels = torch.from_numpy(rng.integers(0, classes, rows))
    images = torch.from_numpy(rng.integers(0, 10, rows))
    centres, counts = rectified_centres(features, labels, images, classes, k)
    for c in range(classes):
        mine, names = features[labels == c], images[labels == c]
        kept = torch.arange(len(mine))
        if len(mine) >= k:
            distances = (mine - mine.mean(0)).norm(dim=1)
            if len(mine) > k and distances.sort().values.diff()[k - 1] < 1e-9:
                continue  # a tie which rounding may break either way
            kept = distances.argsort(stable=True)[:k]
        wanted = mine[kept].mean(0) if len(mine) else torch.zeros(3, dtype=torch.float64)
        torch.testing.assert_close(centres[c], wanted)
        shares = Counter(names[kept].tolist())
        assert counts[c] == (len(kept) // max(shares.values()) if shares else 0)
