"""Training and test halves share no subject; a few fingers are drawn as asked."""

import numpy as np
import pytest

from isofed.errors import ConfigError
from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.benchmarks.rules import Takes
from isofed.tasks.vein.layouts.halves import few, held_out, training
from isofed.tasks.vein.layouts.read import Fingers


def database(subjects: int = 12, fingers: int = 3, sessions: int = 2, samples: int = 4) -> Fingers:
    """Return pictures that hold their own row."""
    grid = np.stack(np.meshgrid(*map(np.arange, (subjects, fingers, sessions, samples)), indexing="ij"))
    takes = Takes(*(grid.reshape(4, -1) + 1))
    rows = np.arange(len(takes))
    pixels = np.stack([rows // 256, rows % 256], 1).astype(np.uint8)[:, None, :]
    return Fingers(np.broadcast_to(pixels, (len(takes), 100, 2)), takes)


def rows_of(pixels: np.ndarray) -> np.ndarray:
    """Return which rows of the database pictures are."""
    return pixels[:, 0, 0].astype(int) * 256 + pixels[:, 0, 1]


@pytest.mark.parametrize("rule", ["open_set", "sessions"])
def test_halves_share_no_picture(rule: str) -> None:
    whole = database()
    split = rules.RULES[rule](whole.takes)
    train, test = training(whole, split), held_out(whole, split)
    trained, tested = rows_of(train.inputs[np.arange(len(train))]), rows_of(test.fingers.pixels)
    assert set(whole.takes.subjects[trained]) & set(whole.takes.subjects[tested]) == set()
    assert sorted([*trained, *tested]) == list(range(len(whole)))
    assert sorted(set(train.labels.tolist())) == list(range(6 * 3))


@pytest.mark.parametrize("rule", ["open_set", "sessions"])
def test_the_test_half_alone_gives_the_same_numbers(rule: str) -> None:
    whole = database()
    features = np.random.default_rng(0).normal(size=(len(whole), 8))
    split = rules.RULES[rule](whole.takes)
    test = held_out(whole, split)
    alone = rules.score(features[rows_of(test.fingers.pixels)], test.fingers.takes, test.split)
    assert alone.to_scalars() == rules.score(features, whole.takes, split).to_scalars()


@pytest.mark.parametrize(("share", "images", "fingers"), [(0.1, 4, 10), (0.75, 2, 14), (1.0, 100, 18)])
def test_a_few_fingers(share: float, images: int, fingers: int) -> None:
    whole = database()
    split = rules.open_set(whole.takes)
    rows = few(whole.takes, split.train, share, images, seed=3)
    counts = np.bincount(training(whole, split, rows).labels)
    assert set(rows) <= set(split.train) and np.array_equal(rows, np.unique(rows))
    assert counts.tolist() == [min(images, 8)] * fingers


def test_few_is_a_draw_of_its_seed() -> None:
    whole = database()
    train = rules.open_set(whole.takes).train
    one, two, other = (few(whole.takes, train, 0.1, 2, seed).tolist() for seed in (1, 1, 2))
    assert one == two != other


@pytest.mark.parametrize(("share", "images"), [(0.0, 4), (1.5, 4), (0.5, 0)])
def test_numbers_outside_their_range_are_refused(share: float, images: int) -> None:
    with pytest.raises(ConfigError, match="must lie between"):
        few(database().takes, np.arange(3), share, images, 0)
