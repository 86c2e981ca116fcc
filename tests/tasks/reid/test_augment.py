from dataclasses import replace

import numpy as np
import pytest
import torch

from isofed.tasks.reid.augment import MEAN, STD, plain, training
from isofed.tasks.reid.options import ReidOptions

OFF = ReidOptions(padding=0, flip=0.0, channel_augmentation=0.0)
LUMINANCE = np.array([0.2989, 0.5870, 0.1140], np.float32)


def pictures(count: int = 6, height: int = 20, width: int = 10) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def normalised(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(((images / np.float32(255) - MEAN) / STD).transpose(0, 3, 1, 2).copy())


def test_plain_normalises() -> None:
    out = plain(pictures())
    assert out.dtype == torch.float32 and out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out, normalised(pictures()), atol=2e-6, rtol=1e-5)


def test_everything_off_equals_plain() -> None:
    assert torch.equal(training(pictures(), OFF, np.random.default_rng(0)), plain(pictures()))


def test_a_certain_flip_mirrors_the_columns() -> None:
    out = training(pictures(), replace(OFF, flip=1.0), np.random.default_rng(0))
    torch.testing.assert_close(out, plain(pictures()).flip(3))


def test_crops_are_moved_pictures_with_black_borders() -> None:
    padding = 3
    images = pictures(200)
    out = training(images, replace(OFF, padding=padding), np.random.default_rng(0))
    padded = plain(np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0))))
    seen = set()
    for one, whole in zip(out, padded, strict=True):
        places = [
            (y, x)
            for y in range(2 * padding + 1)
            for x in range(2 * padding + 1)
            if torch.allclose(one, whole[:, y : y + 20, x : x + 10], atol=2e-6)
        ]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) > 40  # of 49


@pytest.mark.parametrize(("copies_only", "kinds"), [(False, 4), (True, 3)])
def test_channel_augmentation_picks_each_kind_for_single_pictures(copies_only: bool, kinds: int) -> None:
    options = replace(OFF, channel_augmentation=1.0, channel_copies_only=copies_only)
    images = pictures(400, 4, 4)
    out = training(images, options, np.random.default_rng(0))
    assert torch.allclose(out[:, 0], out[:, 1], atol=1e-6) and torch.allclose(out[:, 0], out[:, 2], atol=1e-6)
    source = normalised(images)
    wanted = torch.cat([source, torch.einsum("bchw,c->bhw", source, torch.from_numpy(LUMINANCE))[:, None]], 1)
    near = (wanted - out[:, :1]).abs().amax((2, 3)) < 1e-5
    assert (near.sum(1) == 1).all()
    counts = near.sum(0)[:kinds]
    assert counts.sum() == 400 and counts.min() > 0.7 * 400 / kinds


def test_channel_augmentation_with_half_probability_leaves_half_the_pictures_alone() -> None:
    images = pictures(400, 4, 4)
    out = training(images, replace(OFF, channel_augmentation=0.5), np.random.default_rng(0))
    alone = torch.isclose(out, plain(images), atol=1e-6).flatten(1).all(1).sum()
    assert 160 < alone < 240


def test_the_generator_decides() -> None:
    one, two, other = (training(pictures(), ReidOptions(), np.random.default_rng(s)) for s in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
