"""The evaluator's measurement on test sets made by hand: a network that reads a person off a picture."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from isofed.errors import ConfigError
from isofed.tasks.reid import evaluate
from isofed.tasks.reid.benchmarks.benchmark import benchmark
from isofed.tasks.reid.benchmarks.benchmark import evaluate as score
from isofed.tasks.reid.benchmarks.embeddings import embeddings
from isofed.tasks.reid.layouts.images import Images
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.layouts.tracklets import Tracklets
from isofed.tasks.reid.options import ReidOptions

PEOPLE, HEIGHT, WIDTH = 6, 16, 8


class Reader(nn.Module):
    """Features are the picture's mean colour in each of eight stripes; frames of a tracklet are averaged."""

    def __init__(self, noise: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.noise = noise

    def forward(self, images: torch.Tensor) -> Any:
        """Return features (B, 24) of (B, 3, H, W) or (B, T, 3, H, W)."""
        frames = images if images.dim() == 5 else images[:, None]
        stripes = frames.mean(4).mean(1).unflatten(2, (8, 2)).mean(3)
        return SimpleNamespace(features=stripes.flatten(1) * self.weight)


def labelled(cameras: list[int], images: int) -> tuple[np.ndarray, np.ndarray]:
    ids, cams = np.meshgrid(np.repeat(np.arange(1, PEOPLE + 1), images), cameras, indexing="ij")
    return ids.ravel().astype(np.int64), cams.ravel().astype(np.int64)


def drawn(ids: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """Return one pattern for each person, with noise: (N, H, W, 3)."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(7).integers(40, 215, (PEOPLE + 1, HEIGHT, 1, 3))
    noisy = patterns[ids] + noise * rng.standard_normal((len(ids), HEIGHT, 1, 3))
    return noisy.clip(0, 255).astype(np.uint8).repeat(WIDTH, axis=2)


def photos(cameras: list[int], images: int, noise: float, seed: int) -> Images:
    ids, cams = labelled(cameras, images)
    return Images(drawn(ids, noise, seed), ids, cams)


def made(rule: str, noise: float = 0.0, **more: Any) -> TestSet:
    query, gallery = {"sysu": ([3, 6], [1, 2, 4, 5]), "llcm": ([1, 2], [1, 2, 3])}.get(rule, ([2], [1]))
    return TestSet(photos(query, 3, noise, 1), photos(gallery, 2, noise, 2), rule, **more)


DRAWS = {"sysu": 10, "llcm": 10, "regdb": 1, "hitsz_vcm": 1, "buptcampus": 1}


@pytest.mark.parametrize(("rule", "draws"), DRAWS.items())
def test_every_rule_finds_people_that_can_be_told_apart(rule: str, draws: int) -> None:
    found = evaluate.result(evaluate.measure(Reader(), made(rule), ReidOptions()))
    assert set(found["mean"].values()) == {1.0}
    assert list(found) == ["mean", "spread", *(f"draw{d:02d}" for d in range(draws))]


def test_numbers_are_those_of_the_test_sets_rule() -> None:
    options, seen = ReidOptions(), set()
    for rule in ("llcm", "hitsz_vcm", "regdb"):
        whole = TestSet(photos([1, 2], 3, 70, 1), photos([1, 2, 3], 2, 70, 2), rule)
        found = evaluate.measure(Reader(), whole, ReidOptions(draws="none"))
        seen.add(tuple(found.values()))
        flat = [_flat(side) for side in (whole.query, whole.gallery)]
        (expected,) = score(benchmark(rule, draws="none"), *flat)
        assert found == {f"00.{name}": value for name, value in expected.to_scalars().items()}
    assert len(seen) == 3 and options.draws == "auto"


def _flat(side: Images) -> Any:
    with torch.inference_mode():
        features = evaluate.F.normalize(Reader()(evaluate.augment.plain(side.pixels)).features)
    return embeddings("side", features.numpy(), side.ids, side.cams)


def test_the_mean_is_that_of_the_draws_and_each_draw_is_told() -> None:
    found = evaluate.result(evaluate.measure(Reader(), made("sysu", 80.0), ReidOptions()))
    draws = [found[f"draw{d:02d}"] for d in range(10)]
    for key, value in found["mean"].items():
        assert value == pytest.approx(np.mean([draw[key] for draw in draws]))
        assert found["spread"][key] == pytest.approx(np.std([draw[key] for draw in draws], ddof=1))
    assert found["spread"]["mAP"] > 0


def test_the_data_sets_own_repetitions_take_the_place_of_draws() -> None:
    whole = made("regdb", 80.0)
    parts = [
        (np.flatnonzero(whole.query.ids % 2 == k), np.flatnonzero(whole.gallery.ids % 2 == k)) for k in (0, 1)
    ]
    both = evaluate.measure(
        Reader(), TestSet(whole.query, whole.gallery, "regdb", None, tuple(parts)), ReidOptions()
    )
    for number, (asked, searched) in enumerate(parts):
        sides = [
            Images(s.pixels[r], s.ids[r], s.cams[r])
            for s, r in ((whole.query, asked), (whole.gallery, searched))
        ]
        alone = evaluate.measure(Reader(), TestSet(*sides, "regdb"), ReidOptions())
        assert {f"0{number}.{name[3:]}": value for name, value in alone.items()}.items() <= both.items()
    assert len(both) == 2 * len(alone)


def films(seed: int) -> Tracklets:
    ids, cams = labelled([1, 2], 2)
    frames = np.stack([drawn(ids, 60.0, seed + t) for t in range(5)], axis=1)
    frames[:, 2] = ids[:, None, None, None]  # the middle frame says who it is
    starts = np.arange(len(ids)) * 5
    return Tracklets(frames.reshape(-1, HEIGHT, WIDTH, 3), starts, np.full(len(ids), 5), ids, cams, 5)


@pytest.mark.parametrize("chunk", [1, 7, 128])
def test_tracklets_are_measured_whatever_the_chunk(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    test = TestSet(films(1), films(9), "hitsz_vcm")
    expected = evaluate.measure(Reader(), test, ReidOptions())
    monkeypatch.setattr(evaluate, "CHUNK", chunk)
    assert evaluate.measure(Reader(), test, ReidOptions()) == expected
    assert evaluate.result(evaluate.measure_pixels(test, ReidOptions()))["mean"]["mAP"] > 0.9


def test_a_tracklet_is_shown_by_its_middle_frame() -> None:
    test = TestSet(films(1), films(9), "buptcampus")
    rows = evaluate.pictures(Reader(), test, ReidOptions(), rows=3, hits=4)
    assert [row[0].shape for row in rows] == [(HEIGHT, WIDTH, 3)] * 3
    for query, _, hits in rows:
        assert len(hits) == 4
        assert all((picture[0, 0, 0] == query[0, 0, 0]) == right for picture, right, _ in hits)


def test_pictures_leave_out_what_the_rule_leaves_out() -> None:
    test = TestSet(photos([1, 2], 3, 0, 1), photos([1, 2, 3], 2, 0, 2), "llcm")
    for _, caption, hits in evaluate.pictures(Reader(), test, ReidOptions(), hits=18):
        assert len(hits) == 17 and [ok for _, ok, _ in hits].count(True) == 2
        assert caption not in [camera for _, ok, camera in hits if ok]


@pytest.mark.parametrize(
    ("most", "queries", "others"), [(10, 5, 5), (1000, 18, 12), (20, 10, 10), (26, 14, 12)]
)
def test_the_projection_chooses_evenly(most: int, queries: int, others: int) -> None:
    test = made("regdb")
    vectors, images, ids, cams, modality = evaluate.projected(Reader(), test, ReidOptions(), most)
    assert modality.tolist() == ["infrared"] * queries + ["visible"] * others
    assert vectors.shape == (queries + others, 24) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert images.shape == (queries + others, HEIGHT, WIDTH, 3) and images.dtype == np.uint8
    assert (len(set(ids[:queries])), len(set(ids[queries:]))) == (min(queries, PEOPLE), min(others, PEOPLE))
    assert cams.tolist() == [2] * queries + [1] * others
    # no noise: whoever it is, the vector is the person's
    assert all(
        np.allclose(vectors[ids == person], vectors[ids == person][0], atol=1e-3) for person in set(ids)
    )


def test_thumbnails_are_small() -> None:
    tall = Images(np.zeros((2, 200, 90, 3), np.uint8), np.arange(2), np.arange(2))
    assert evaluate.projected(_Flat(), TestSet(tall, tall, "regdb"), ReidOptions())[1].shape == (4, 64, 29, 3)


class _Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images: torch.Tensor) -> Any:
        return SimpleNamespace(features=images.mean((2, 3)) + self.weight)


WRONG = [
    ("llcm", {"search": "indoor"}, "indoor search"),
    ("regdb", {"draws": "agw"}, "set draws to auto"),
    ("buptcampus", {"shots": 10}, "leave shots at 1"),
    ("hitsz_vcm", {"draws": "official"}, "sysu rule only"),
]


@pytest.mark.parametrize(("rule", "changes", "sentence"), WRONG)
def test_options_that_do_not_go_with_the_rule_are_refused(rule: str, changes: Any, sentence: str) -> None:
    for ask in (evaluate.measure, evaluate.pictures):
        with pytest.raises(ConfigError, match=sentence):
            ask(Reader(), made(rule), ReidOptions(**changes))
    with pytest.raises(ConfigError, match=sentence):
        evaluate.described(rule, ReidOptions(**changes))


def test_what_is_evaluated_can_be_told_before() -> None:
    assert evaluate.described("regdb", ReidOptions()) == {
        "benchmark": "regdb",
        "search": "all",
        "shots": None,
        "draws": "none",
    }
    whole = evaluate.described("sysu", ReidOptions(search="indoor", shots=10, draws="official"))
    assert whole == {"benchmark": "sysu", "search": "indoor", "shots": 10, "draws": "official"}
    assert evaluate.described("llcm", ReidOptions())["draws"] == "agw"
