import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.tasks.reid import augment, train
from isofed.tasks.reid.erasing import AREA, ASPECT, erase, rectangles
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import Samples


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 60), st.integers(8, 60), st.floats(0, 1))
def test_erased_is_one_rectangle_of_the_size_asked_for(seed: int, h: int, w: int, probability: float) -> None:
    images = torch.ones(12, 3, h, w)
    erased = erase(images, probability, rng(seed))
    corner, size = rectangles(12, h, w, probability, rng(seed))
    for i in range(12):
        expected = torch.ones(3, h, w)
        (top, left), (tall, wide) = corner[i].tolist(), size[i].tolist()
        expected[:, top : top + tall, left : left + wide] = 0
        assert torch.equal(erased[i], expected)
        assert min(top, left) >= 0 and top + tall <= h and left + wide <= w
        assert (tall < h and wide < w) or (tall, wide) == (0, 0)
    assert torch.equal(images, torch.ones(12, 3, h, w))


def test_sizes_aspects_and_share_of_pictures() -> None:
    corner, size = rectangles(20_000, 288, 144, 0.5, rng())
    taken = size[size.all(1)]
    assert len(taken) / 20_000 == pytest.approx(0.5, abs=0.02)
    areas, aspects = taken.prod(1) / (288 * 144), taken[:, 0] / taken[:, 1]
    assert AREA[0] * 0.95 < areas.min() < 0.03 and 0.38 < areas.max() < AREA[1] * 1.01
    assert ASPECT[0] * 0.95 < aspects.min() < 0.5 and 3.2 < aspects.max() < ASPECT[1] * 1.05
    room = np.array([288, 144]) - taken
    placed = corner[size.all(1)] / room
    assert placed.min() == 0 and placed.max() == 1
    np.testing.assert_allclose(placed.mean(0), 0.5, atol=0.01)
    np.testing.assert_allclose(np.quantile(placed, 0.25, axis=0), 0.25, atol=0.02)


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_the_ends_of_the_probability(probability: float, share: float) -> None:
    erased = erase(torch.ones(200, 3, 96, 48), probability, rng())
    assert (erased == 0).flatten(1).any(1).float().mean() == share


def test_the_number_of_draws_does_not_depend_on_what_is_drawn() -> None:
    states = []
    for probability in (0.1, 0.9):
        generator = rng(4)
        erase(torch.ones(9, 3, 20, 10), probability, generator)
        states.append(generator.random())
    assert states[0] == states[1]


def test_the_memory_format_and_values_outside_stay() -> None:
    images = torch.randn(4, 3, 32, 16).to(memory_format=torch.channels_last)
    erased = erase(images, 1.0, rng())
    assert erased.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(erased[erased != 0], images[erased != 0])


def test_the_frames_of_a_tracklet_lose_the_same_rectangle() -> None:
    erased = erase(torch.ones(5, 4, 3, 20, 10), 1.0, rng(2))
    assert torch.equal(
        erased, erase(torch.ones(5, 3, 20, 10), 1.0, rng(2))[:, None].expand(-1, 4, -1, -1, -1)
    )


def test_training_erases_only_where_asked() -> None:
    pictures = rng().integers(0, 256, (6, 32, 16, 3)).astype(np.uint8)
    samples = Samples(pictures, np.zeros(6, np.int64))
    off, on = ReidOptions(height=32, width=16), ReidOptions(height=32, width=16, erasing=1.0)
    images = np.arange(6)
    generator = rng(7)
    plain = train.transform(samples, images, off, generator, "cpu").inputs
    reference = rng(7)
    assert torch.equal(plain, augment.training(pictures, off, reference))
    assert generator.random() == reference.random()
    erased = train.transform(samples, images, on, rng(7), "cpu").inputs
    gone = (erased != plain).flatten(1).any(1)
    assert gone.all() and torch.equal(erased[erased != 0], plain[erased != 0])
