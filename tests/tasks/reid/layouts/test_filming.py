from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.tasks.reid.drawing.cameras import Look
from isofed.tasks.reid.layouts import filming
from isofed.tasks.reid.layouts.filming import CAMERAS, Scene, plan, scenes, shoot


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), train=st.integers(8, 70), test=st.integers(2, 9), others=st.integers(0, 3))
def test_a_plan_keeps_its_promises(seed: int, train: int, test: int, others: int) -> None:
    people = plan("hitsz_vcm", seed, train, test, others)
    assert sorted(people.train + people.test + people.others) == list(range(1, train + test + others + 1))
    assert tuple(people.seen) == CAMERAS == (1, 2, 3, 4, 5, 6)
    assert {len(set(ids)) for ids in people.seen.values()} == {min(train, max(8, round(train / 2)))}
    assert {i for ids in people.seen.values() for i in ids} == set(people.train)
    for camera in CAMERAS:
        assert set(people.seen[camera]) & set(people.seen[camera % 6 + 1])


def test_layouts_of_one_seed_deal_differently() -> None:
    assert plan("hitsz_vcm", 0, 24, 8) != plan("buptcampus", 0, 24, 8)


def test_test_persons_pass_every_camera_and_others_one() -> None:
    people = plan("buptcampus", 0, 8, 3, 2)
    walks = scenes(people, 2)
    assert len(walks) == len(set(walks)) == 6 * 8 * 2 + 3 * 6 * 2 + 2
    for person in people.test:
        assert {(w.camera, w.number) for w in walks if w.id == person} == {
            (camera, number) for camera in CAMERAS for number in (1, 2)
        }
    for person in people.others:
        assert len([walk for walk in walks if walk.id == person]) == 1


@pytest.mark.parametrize("aligned", [True, False])
def test_both_halves_of_a_camera_are_shot(aligned: bool) -> None:
    take = shoot("buptcampus", 0, 3, (32, 16), aligned, Scene(2, 5, 1))
    assert len(take.visible) == len(take.infrared) == 3 and len(take) == 6
    assert take == shoot("buptcampus", 0, 3, (32, 16), aligned, Scene(2, 5, 1))
    assert take.visible != shoot("buptcampus", 0, 3, (32, 16), aligned, Scene(2, 5, 2)).visible


def test_aligned_halves_see_one_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str, str]] = []

    def note(seed: int, who: int, look: Look, way: str, view: str, frames: int, size: tuple[int, int]) -> Any:
        seen.append((look.modality, way, view))
        return np.zeros((frames, *size), np.uint8)

    monkeypatch.setattr(filming, "film", note)
    for aligned in (True, False):
        shoot("hitsz_vcm", 0, 2, (32, 16), aligned, Scene(2, 5, 1))
    modalities, ways, views = zip(*seen, strict=True)
    assert modalities == ("visible", "infrared") * 2
    assert len(set(ways[:2])) == 1 and len(set(ways[2:])) == 2 and len(set(views)) == 2
