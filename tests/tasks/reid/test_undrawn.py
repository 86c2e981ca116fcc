"""What a server that learns feeds its model is what evaluation feeds it: nothing drawn, nothing labelled."""

import numpy as np
import pytest
import torch

from isofed.tasks.reid import augment
from isofed.tasks.reid.layouts.tracklets import Tracklets
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.stems import Views
from isofed.tasks.reid.train import TRAINING
from isofed.tasks.task import Batch, Samples

ROWS = np.array([4, 0, 3])
LOUD = ReidOptions(height=16, width=16, padding=4, flip=1.0, channel_augmentation=1.0, erasing=1.0)


def undrawn(samples: Samples, options: ReidOptions) -> Batch:
    assert TRAINING.still is not None
    return TRAINING.still(samples, ROWS, options, "cpu")


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 16, 16, 3), dtype=np.uint8)


def test_pictures_are_normalised_and_nothing_else() -> None:
    images = pictures(6)
    batch = undrawn(Samples(images, np.arange(6)), LOUD)
    assert batch.labels is None
    np.testing.assert_array_equal(batch.inputs, augment.plain(images[ROWS]))
    drawn = TRAINING.transform(Samples(images, np.arange(6)), ROWS, LOUD, np.random.default_rng(1), "cpu")
    assert not torch.equal(drawn.inputs, batch.inputs)


def test_two_stems_are_told_the_modality() -> None:
    images, domains = pictures(6), np.array([1, 0, 0, 0, 1, 1])
    options = ReidOptions(height=16, width=16, stems=2)
    batch = undrawn(Samples(images, np.arange(6), domains), options)
    assert isinstance(batch.inputs, Views)
    assert batch.inputs.infrared.tolist() == [True, True, False]
    np.testing.assert_array_equal(batch.inputs.images, augment.plain(images[ROWS]))


@pytest.mark.parametrize("choice", ["strips", "spread"])
def test_films_show_the_frames_of_evaluation(choice: str) -> None:
    lengths = np.array([5, 7, 6, 9, 4, 8])
    films = Tracklets(
        pictures(int(lengths.sum())),
        np.cumsum(lengths) - lengths,
        lengths,
        np.arange(6),
        np.zeros(6),
        3,
        choice,
    )
    batch = undrawn(Samples(films, np.arange(6)), LOUD)
    np.testing.assert_array_equal(batch.inputs, augment.plain(films.batch(ROWS)))
