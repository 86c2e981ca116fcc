from dataclasses import replace

import numpy as np
import pytest
import torch

from isofed.errors import ConfigError
from isofed.tasks.reid import augment
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.train import sample, transform
from isofed.tasks.task import Samples

OPTIONS = ReidOptions(
    height=16, width=16, padding=0, flip=0.0, channel_augmentation=0.0, batch_identities=4, batch_images=3
)
JOINT = replace(OPTIONS, per_modality=True, joint=True)


def samples() -> Samples:
    pictures = np.random.default_rng(1).integers(0, 256, (60, 16, 16, 3)).astype(np.uint8)
    return Samples(pictures, np.arange(60) // 10, np.arange(60) % 2)


def test_visible_rows_come_twice() -> None:
    data = samples()
    once = sample(data, replace(JOINT, joint=False), np.random.default_rng(0))
    steps = sample(data, JOINT, np.random.default_rng(0))
    assert steps.shape == (30 // 12 + 1, 36)
    assert np.array_equal(steps[:, 12:], once) and np.array_equal(steps[:, :12], once[:, :12])
    assert (data.domains[steps] == [0] * 24 + [1] * 12).all()


def test_one_copy_keeps_its_channels_and_one_has_a_single_channel() -> None:
    data, rng = samples(), np.random.default_rng(0)
    rows = sample(data, JOINT, rng)[0]
    batch = transform(data, rows, JOINT, rng, "cpu")
    plain = augment.plain(data.inputs[rows])
    torch.testing.assert_close(batch.inputs[:12], plain[:12])
    torch.testing.assert_close(batch.inputs[24:], plain[24:])
    equal = batch.inputs[12:24]
    assert torch.equal(equal, equal[:, :1].expand(-1, 3, -1, -1))
    source = (equal[:, :1] - plain[12:24]).abs().flatten(2).amax(2) < 1e-5  # which of R, G, B it copies
    assert (source.sum(1) == 1).all() and len(source.int().argmax(1).unique()) > 1
    assert batch.labels.tolist() == data.labels[rows].tolist()
    assert batch.inputs.is_contiguous(memory_format=torch.channels_last)


def test_the_copies_are_cropped_each_on_its_own() -> None:
    data, rng = samples(), np.random.default_rng(0)
    moved = replace(JOINT, padding=2, flip=0.5)
    inputs = transform(data, np.tile(np.arange(0, 60, 2)[:12], 3), moved, rng, "cpu").inputs
    differ = (inputs[:12] != inputs[24:]).flatten(1).any(1)
    assert differ.sum() > 6


def test_joint_batches_need_each_modality() -> None:
    with pytest.raises(ConfigError, match="per_modality=true"):
        ReidOptions(joint=True)
