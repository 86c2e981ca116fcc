"""Check 16: what drawn fingers teach holds for others and saves real data; boxes must be turned back."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
import torch
from PIL import Image

from isofed.tasks.vein import evaluate, model
from isofed.tasks.vein.benchmarks import pairs
from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.notes import annotation
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.schedule import PUBLISHED, Schedule, variation
from isofed.tasks.vein.drawing.sensors import SESSION, preset
from isofed.tasks.vein.drawing.stream import stream
from isofed.tasks.vein.layouts.crop import annotated, whole
from isofed.tasks.vein.losses import Margin, angular

EIGHT = (3, 8, 18, 24, 33, 43, 52, 60)  # samples of a finger: one of nearly every kind
MARGIN = Margin(m2=0.2, scale=16.0)  # a large one needs longer training than a test may take
Data = tuple[np.ndarray, np.ndarray]

pytestmark = pytest.mark.slow


def fingers(numbers: Sequence[int], samples: Sequence[int], sensor: str = "fingerveinsyn") -> Data:
    """Draw pictures of fingers and number the fingers from 0."""
    drawn = [each.pixels for each in stream(16, numbers, samples, preset(sensor))]
    return np.concatenate(drawn), np.repeat(np.arange(len(numbers)), len(samples))


def eer(net: model.VeinNet, data: Data) -> float:
    """Return the equal error rate over all pairs."""
    features = evaluate.embed(net.eval(), data[0])
    return pairs.within(pairs.unit(features), data[1]).eer()[0]


def trained(net: model.VeinNet, data: Data, epochs: int, rate: float, batch: int = 32) -> model.VeinNet:
    """Train with momentum and a cosine schedule."""
    optimiser = torch.optim.SGD(net.train().parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    rng, batches = np.random.default_rng(0), len(data[1]) // batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * batches)
    for _ in range(epochs):
        order = rng.permutation(len(data[1]))
        for rows in order[: batches * batch].reshape(batches, batch):
            loss = angular(
                net(model.prepared(torch.tensor(data[0][rows]))).cosines, torch.tensor(data[1][rows]), MARGIN
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return net


def untrained(classes: int, seed: int = 0) -> model.VeinNet:
    """Build the tiny network."""
    return model.build("tiny", classes, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def pretrained() -> dict[str, torch.Tensor]:
    """Train on 40 fingers that no test sees."""
    net = trained(untrained(40), fingers(range(40), EIGHT), 8, 0.1)
    return {name: value.clone() for name, value in net.state_dict().items()}


def started(weights: dict[str, torch.Tensor], classes: int) -> model.VeinNet:
    """Return the pretrained network with a head of its own."""
    net = untrained(len(weights["head.weight"]))
    net.load_state_dict(weights)
    model.refit(net, classes, torch.Generator().manual_seed(1))
    return net


def test_check_16_what_was_learnt_holds_for_other_fingers(pretrained: dict[str, torch.Tensor]) -> None:
    held_out = fingers(range(1000, 1025), EIGHT)
    before, after = eer(untrained(2), held_out), eer(started(pretrained, 2), held_out)
    assert after < before - 0.05
    assert after < 0.35


def test_check_16_fine_tuning_on_little_data_is_no_worse_than_learning_it_from_scratch(
    pretrained: dict[str, torch.Tensor],
) -> None:
    # another sensor: ten fingers of four pictures to learn from, twenty others to be told apart
    few = fingers(range(2000, 2010), range(1, 5), "vera_like")
    held_out = fingers(range(2100, 2120), range(1, 5), "vera_like")
    scratch = eer(trained(untrained(10), few, 20, 0.05, batch=20), held_out)
    tuned = eer(trained(started(pretrained, 10), few, 20, 0.005, batch=20), held_out)
    assert tuned <= scratch


def matched(schedule: Schedule, samples: Iterable[int]) -> tuple[float, float]:
    """Return the equal error rates of 24 fingers' true masks: boxes turned back, and pictures as they are."""
    cut: list[np.ndarray] = []
    raw: list[np.ndarray] = []
    for number in range(24):
        finger = identity(16, number)
        for sample in samples:
            taken = render(finger, variation(16, number, sample, schedule))
            cut.append(coarse(annotated(taken.vein, annotation(taken))))
            raw.append(coarse(whole(taken.vein)))
    ids = np.repeat(np.arange(24), len(cut) // 24)
    aligned, as_is = (pairs.within(pairs.unit(np.array(each)), ids).eer()[0] for each in (cut, raw))
    return aligned, as_is


def coarse(mask: np.ndarray) -> np.ndarray:
    """Return a mask as few numbers, their mean taken off."""
    small = np.asarray(Image.fromarray(mask).resize((75, 25), Image.Resampling.BOX), np.float64)
    return (small - small.mean()).ravel()


def test_check_16_true_masks_tell_fingers_apart_where_boxes_are_turned_back() -> None:
    mild, _ = matched(SESSION, range(1, 7))
    aligned, as_is = matched(PUBLISHED, range(51, 57))
    assert mild < 0.08
    assert aligned + 0.08 < as_is and as_is > 0.30
