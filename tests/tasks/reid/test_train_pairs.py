import numpy as np
import pytest

from isofed.errors import ConfigError
from isofed.tasks.reid.layouts.tracklets import Tracklets
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.train import sample
from isofed.tasks.task import Samples

OPTIONS = ReidOptions(batch_identities=4, batch_images=1, paired=True, local_epochs=2)


def test_a_round_of_pairs() -> None:
    rows = np.arange(16)
    films = Tracklets(
        np.zeros((16, 4, 2, 3), np.uint8), rows, rows * 0 + 1, rows, rows, 2, "spread", rows ^ 1
    )
    steps = sample(Samples(films, rows // 4), OPTIONS, np.random.default_rng(0))
    assert steps.shape == (2 * (8 // 4 + 1), 2 * 4)
    assert (steps[:, 1::2] == steps[:, ::2] + 1).all()


def test_pairs_of_images_are_refused() -> None:
    images = Samples(np.zeros((16, 4, 2, 3), np.uint8), np.arange(16) // 4)
    with pytest.raises(ConfigError, match=r"set task.paired=false"):
        sample(images, OPTIONS, np.random.default_rng(0))
