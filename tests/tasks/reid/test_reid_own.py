"""What a camera measures alone, against the same numbers counted slowly."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isofed.seeds import public
from isofed.tasks.reid import TASK
from isofed.tasks.reid.layouts.tracklets import Tracklets
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.own import CHUNK, OWN, SUMS
from isofed.tasks.task import Samples, merge

OPTIONS = ReidOptions(classes=9)


@dataclass
class Told:
    """A network that says of every picture what a table holds under its first pixel."""

    features: torch.Tensor
    logits: torch.Tensor

    def __call__(self, images: torch.Tensor) -> Any:
        whole = images if images.dim() == 4 else images.mean(1)
        rows = (whole[:, 0, 0, 0] * 0.229 + 0.485).mul(255).round().long()
        return SimpleNamespace(features=self.features[rows], logits=self.logits[rows])


def pictures(numbers: Any, labels: Any) -> Samples:
    """Pictures of one colour, their number."""
    pixels = np.broadcast_to(np.array(numbers, np.uint8)[:, None, None, None], (len(numbers), 16, 8, 3))
    return Samples(pixels, np.array(labels, np.int64))


def told(seed: int, count: int) -> Told:
    draw = public(seed, 0, "", "own reid")
    features, logits = draw.standard_normal((count, 6)), draw.standard_normal((count, 9))
    return Told(torch.from_numpy(features).float(), torch.from_numpy(logits).float())


def slowly(model: Told, trained: Samples, held: Samples, numbers: tuple[range, range]) -> dict[str, float]:
    """Count one held-out picture after the other."""
    people, nearest, right = sorted(set(trained.labels.tolist())), 0, 0
    features, logits = model.features.double().numpy(), model.logits.numpy()
    gallery = [features[g] / np.linalg.norm(features[g]) for g in numbers[0]]
    for row, label in zip(numbers[1], held.labels, strict=True):
        best = int(np.argmax([g @ features[row] for g in gallery]))
        nearest += int(trained.labels[best] == label)
        right += int(max(people, key=lambda person: logits[row, person]) == label)
    return {"images": float(len(held)), "nearest": float(nearest), "right": float(right)}


@given(st.integers(0, 2**20), st.integers(1, 20), st.integers(1, 20))
def test_the_counts_are_those_of_a_slow_loop(seed: int, gallery: int, queries: int) -> None:
    draw = public(seed, 0, "", "own labels")
    labels = draw.integers(0, 9, gallery)
    trained = pictures(range(gallery), labels)
    numbers = range(gallery, gallery + queries)
    held = pictures(numbers, draw.choice(labels, queries))
    model = told(seed, gallery + queries)
    found = OWN.measure(model, trained, held, OPTIONS, "cpu")
    assert found == slowly(model, trained, held, (range(gallery), numbers))


def test_more_than_a_chunk_is_measured_in_parts() -> None:
    count = CHUNK + 30
    labels = np.arange(count) % 3
    model = Told(
        torch.eye(3)[torch.from_numpy(labels)].repeat(2, 1), torch.eye(3, 9)[torch.from_numpy(labels)]
    )
    found = OWN.measure(model, pictures(range(count), labels), pictures(range(count), labels), OPTIONS, "cpu")
    assert found == {"images": count, "nearest": count, "right": count}
    assert OWN.result(found)["mean"] == {"own_R1": 1.0, "own_accuracy": 1.0}


def test_the_head_is_asked_for_the_sites_own_people_alone() -> None:
    logits = torch.zeros(2, 9)
    logits[:, 5], logits[:, 2] = 9.0, 1.0  # 5 is a stranger here
    trained, held = pictures([0], [2]), pictures([1], [2])
    found = OWN.measure(Told(torch.ones(2, 6), logits), trained, held, OPTIONS, "cpu")
    assert found["right"] == 1.0


def test_counts_of_parts_add_up_to_those_of_the_whole() -> None:
    model, labels = told(3, 30), np.arange(20) % 4
    trained = pictures(range(20), labels)
    held, a, b = (
        pictures(rows, np.array(rows) % 4) for rows in (range(20, 30), range(20, 26), range(26, 30))
    )
    parts = [OWN.measure(model, trained, part, OPTIONS, "cpu") for part in (a, b)]
    assert merge(*parts) == OWN.measure(model, trained, held, OPTIONS, "cpu")


def test_nothing_held_out_is_nothing_measured() -> None:
    found = OWN.measure(told(0, 4), pictures(range(4), [0] * 4), pictures([], []), OPTIONS, "cpu")
    assert found == dict.fromkeys(SUMS, 0.0)
    assert OWN.result(found) == {"mean": {}, "spread": {}}


def test_a_tracklet_is_one_sample() -> None:
    rows, lengths = np.arange(4), np.array([3, 2, 5, 4])
    starts = np.cumsum(lengths) - lengths
    colours = np.repeat(rows, lengths).astype(np.uint8)
    frames = np.broadcast_to(colours[:, None, None, None], (lengths.sum(), 16, 8, 3))
    films = Samples(Tracklets(frames, starts, lengths, rows, rows, 2), np.array([0, 1, 0, 1]))
    model = Told(torch.eye(2, 6)[[0, 1, 0, 1]], torch.eye(2, 9)[[0, 1, 1, 0]])
    trained, held = films.take(np.array([0, 1])), films.take(np.array([2, 3]))
    found = OWN.measure(model, trained, held, OPTIONS, "cpu")
    assert found == {"images": 2.0, "nearest": 2.0, "right": 0.0}


def test_the_words_say_that_it_is_no_benchmark() -> None:
    assert TASK.own is OWN and OWN.sums(OPTIONS) == SUMS
    assert "same camera" in OWN.words and "no retrieval across cameras" in OWN.words


@pytest.mark.parametrize("stems", [1, 2])
def test_the_real_network_is_fed_what_it_needs(stems: int) -> None:
    options = ReidOptions(classes=4, stems=stems, stem=4, stage2=4, stage3=8, dimensions=6)
    model = TASK.model(options, torch.Generator().manual_seed(0)).eval()
    draw = public(0, 0, "", "own pictures")
    pixels, labels = draw.integers(0, 256, (8, 16, 8, 3), dtype=np.uint8), np.arange(8) % 4
    whole = Samples(pixels, labels, labels % 2 if stems == 2 else None)
    trained, held = whole.take(np.arange(4)), whole.take(np.arange(4, 8))
    found = OWN.measure(model, trained, held, options, "cpu")
    assert found["images"] == 4 and set(found) == set(SUMS)
    assert OWN.measure(model, trained, held, options, "cpu") == found
