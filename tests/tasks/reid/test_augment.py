from dataclasses import replace

import numpy as np
import pytest
import torch

from isofed.tasks.reid.augment import MEAN, STD, apply, draw, plain, training
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


@pytest.mark.parametrize(("name", "kinds"), [("all", [0, 1, 2, 3]), ("copies", [0, 1, 2]), ("gray", [3])])
def test_channel_augmentation_picks_each_kind_for_single_pictures(name: str, kinds: list[int]) -> None:
    options = replace(OFF, channel_augmentation=1.0, channel_kinds=name)
    images = pictures(400, 4, 4)
    out = training(images, options, np.random.default_rng(0))
    assert torch.allclose(out[:, 0], out[:, 1], atol=1e-6) and torch.allclose(out[:, 0], out[:, 2], atol=1e-6)
    source = normalised(images)
    wanted = torch.cat([source, torch.einsum("bchw,c->bhw", source, torch.from_numpy(LUMINANCE))[:, None]], 1)
    near = (wanted - out[:, :1]).abs().amax((2, 3)) < 1e-5
    assert (near.sum(1) == 1).all()
    counts = near.sum(0)[kinds]
    assert counts.sum() == 400 and counts.min() > 0.7 * 400 / len(kinds)


def test_channel_augmentation_with_half_probability_leaves_half_the_pictures_alone() -> None:
    images = pictures(400, 4, 4)
    out = training(images, replace(OFF, channel_augmentation=0.5), np.random.default_rng(0))
    alone = torch.isclose(out, plain(images), atol=1e-6).flatten(1).all(1).sum()
    assert 160 < alone < 240


def test_the_generator_decides() -> None:
    one, two, other = (training(pictures(), ReidOptions(), np.random.default_rng(s)) for s in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)


def one_by_one(images: np.ndarray, options: ReidOptions, rng: np.random.Generator) -> np.ndarray:
    """Augment picture by picture, with the draws in their documented order."""
    count, height, width, _ = images.shape
    pad = options.padding
    tops, lefts = rng.integers(0, 2 * pad + 1, size=(2, count))
    mirrored, changed = rng.random(count) < options.flip, rng.random(count) < options.channel_augmentation
    kinds = rng.integers(0, 4, count)
    out = np.empty((count, 3, height, width), np.float32)
    for i, image in enumerate(np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))):
        crop = image[tops[i] : tops[i] + height, lefts[i] : lefts[i] + width]
        crop = crop[:, ::-1] if mirrored[i] else crop
        planes = ((crop / np.float32(255) - MEAN) / STD).transpose(2, 0, 1)
        grey = [*planes, np.einsum("chw,c->hw", planes, LUMINANCE)][kinds[i]]
        out[i] = grey if changed[i] else planes
    return out


HALF = ReidOptions(padding=3, flip=0.5, channel_augmentation=0.5)


def test_draws_come_in_the_documented_order() -> None:
    images = pictures(40)
    out = training(images, HALF, np.random.default_rng(5))
    expected = torch.from_numpy(one_by_one(images, HALF, np.random.default_rng(5)))
    torch.testing.assert_close(out, expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("shape", [(40, 20, 10, 3), (12, 4, 20, 10, 3)])
def test_both_ways_of_augmenting_agree(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    by_views = training(images, HALF, np.random.default_rng(5))
    by_index = apply(torch.from_numpy(images), draw(len(images), HALF, np.random.default_rng(5)))
    assert by_views.shape == by_index.shape == (*shape[:-3], 3, 20, 10)
    assert by_views.stride() == by_index.stride()
    torch.testing.assert_close(by_index, by_views, atol=2e-6, rtol=1e-5)


def test_all_frames_of_a_tracklet_are_changed_alike() -> None:
    frames = pictures(7 * 5).reshape(7, 5, 20, 10, 3)
    out = training(frames, HALF, np.random.default_rng(5))
    for t in range(5):
        alone = training(np.ascontiguousarray(frames[:, t]), HALF, np.random.default_rng(5))
        torch.testing.assert_close(out[:, t], alone, atol=2e-6, rtol=1e-5)


def test_frames_of_tracklets_are_pictures_of_the_network() -> None:
    frames = pictures(6).reshape(2, 3, 20, 10, 3)
    out = plain(frames)
    assert torch.equal(out.flatten(0, 1), plain(pictures(6)))
    flat = out.flatten(0, 1)
    assert flat.data_ptr() == out.data_ptr() and flat.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
@pytest.mark.parametrize("shape", [(40, 20, 10, 3), (12, 4, 20, 10, 3)])
def test_an_accelerator_gives_the_same(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    there = training(images, HALF, np.random.default_rng(5), "cuda")
    assert there.is_cuda and plain(images, "cuda").is_cuda
    torch.testing.assert_close(
        there.cpu(), training(images, HALF, np.random.default_rng(5)), atol=2e-5, rtol=1e-5
    )
