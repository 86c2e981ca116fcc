import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.tasks.reid.drawing.draw import draw
from isofed.tasks.reid.layouts.images import decode
from isofed.tasks.reid.layouts.llcm.looks import look
from isofed.tasks.reid.layouts.llcm.make import FEWEST, SyntheticLlcm, generate, plan
from isofed.tasks.reid.layouts.llcm.read import CAMERAS, open_llcm

TINY = SyntheticLlcm(identities=8, test_identities=2, images=2, height=32, width=16)


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("llcm") / "tree"
    generate(out, 3, TINY)
    return out


def test_what_is_made_is_read_by_the_reader(root: Path) -> None:
    tree, people = open_llcm(root), plan(3, TINY)
    assert tree.train_ids == people.train and tree.test_ids == people.test
    for camera in CAMERAS:
        for files in tree.of([camera]).values():
            assert sorted({file.id for file in files}) == list(people.seen[camera])
            assert len(files) == 2 * len(people.seen[camera])


def test_infrared_halves_are_grey_and_visible_ones_are_not(root: Path) -> None:
    tree = open_llcm(root)
    for camera in CAMERAS:
        for modality, files in tree.of([camera]).items():
            pixels = decode(files[:4], 32, 16).astype(int)
            gap = np.abs(pixels - pixels[..., :1]).max(axis=(1, 2, 3))
            assert (gap == 0).all() if modality == "infrared" else (gap > 20).all()


def test_a_seed_decides_everything(root: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    generate(tmp_path / "same", 3, TINY, progress=lambda done, total: calls.append((done, total)))
    generate(tmp_path / "other", 4, TINY)
    total = 2 * 2 * 9 * 8 + 2 * 17 * 2
    assert _tree(tmp_path / "same") == _tree(root) != _tree(tmp_path / "other")
    assert calls[0] == (2, total) and calls[-1] == (total, total)


def test_eighteen_looks_differ_and_two_halves_share_a_room() -> None:
    looks = [look(camera, modality) for camera in CAMERAS for modality in ("visible", "infrared")]
    assert len({dataclasses.replace(each, room=0) for each in looks}) == 18
    for visible, infrared in zip(looks[::2], looks[1::2], strict=True):
        assert (visible.modality, infrared.modality) == ("visible", "infrared")
        assert (visible.room, visible.yaw, visible.scale) == (infrared.room, infrared.yaw, infrared.scale)
    assert len({each.room for each in looks}) == 9


def test_a_number_is_another_person_than_in_other_layouts(root: Path) -> None:
    file = open_llcm(root).of([1])["visible"][0]
    same_number = draw(3, file.id, look(1, "visible"), "cam1 visible", 1, (32, 16))[0]
    assert np.abs(decode([file], 32, 16)[0].astype(int) - same_number).mean() > 10


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), identities=st.integers(8, 300), coverage=st.floats(0.4, 1.0))
def test_a_plan_keeps_its_promises(seed: int, identities: int, coverage: float) -> None:
    people = plan(seed, SyntheticLlcm(identities=identities, test_identities=5, coverage=coverage))
    assert sorted(people.train + people.test) == list(range(1, identities + 6))
    sizes = [len(set(people.seen[camera])) for camera in CAMERAS]
    assert min(sizes) >= FEWEST and sizes[5] == max(sizes)
    assert {person for ids in people.seen.values() for person in ids} == set(people.train)


def test_the_cameras_are_as_unequal_as_the_published_ones() -> None:
    people = plan(0, SyntheticLlcm(identities=713, test_identities=2))
    assert [len(people.seen[camera]) for camera in CAMERAS] == [21, 20, 345, 353, 661, 687, 72, 40, 24]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identities", 7),
        ("test_identities", 1),
        ("images", 0),
        ("coverage", 0.3),
        ("height", 8),
        ("width", 4),
    ],
)
def test_bad_options_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is {value}; expected"):
        SyntheticLlcm(**{name: value})
