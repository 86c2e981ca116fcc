import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import ConfigError, DataError
from isofed.tasks.reid.drawing.cameras import LOOKS
from isofed.tasks.reid.drawing.draw import draw
from isofed.tasks.reid.layouts.images import decode
from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate, plan
from isofed.tasks.reid.layouts.sysu.read import CAMERAS, INFRARED, VISIBLE, open_sysu

TINY = SyntheticSysu(identities=8, test_identities=2, images=2, coverage=0.5, height=32, width=16)


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_is_made_is_read_by_the_reader(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    generate(tmp_path / "a", 3, TINY, progress=lambda done, total: calls.append((done, total)))
    tree = open_sysu(tmp_path / "a")
    people = plan(3, TINY)
    assert tree.train_ids == tuple(sorted(people.train + people.validation))
    assert tree.test_ids == people.test
    assert len(people.validation) == 2
    for camera in CAMERAS:
        train = tree.files(camera.number, tree.train_ids)
        assert sorted({file.id for file in train}) == list(people.seen[camera.number])
        assert len(train) == 2 * len(people.seen[camera.number])
        assert len(tree.files(camera.number, tree.test_ids)) == 2 * 2
    assert calls[0] == (2, 120) and calls[-1] == (120, 120)


@pytest.mark.slow
def test_workers_do_not_change_a_byte(tmp_path: Path) -> None:
    generate(tmp_path / "one", 3, TINY)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        generate(tmp_path / "two", 3, TINY, pool.map)
    assert _tree(tmp_path / "one") == _tree(tmp_path / "two")


def test_a_seed_decides_everything(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        generate(tmp_path / name, seed, TINY)
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")
    assert _tree(tmp_path / "a") != _tree(tmp_path / "c")


def test_foreign_folders_are_refused_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("mine")
    monkeypatch.setattr(sys.modules[plan.__module__], "draw", lambda *_: pytest.fail("drawn"))
    with pytest.raises(DataError, match="not made by isofed"):
        generate(tmp_path, 0, TINY)


def test_an_image_depends_on_its_own_number_only() -> None:
    np.testing.assert_array_equal(
        draw(0, 4, LOOKS[1], "cam1", 5, (32, 16))[:2], draw(0, 4, LOOKS[1], "cam1", 2, (32, 16))
    )
    many = draw(0, 4, LOOKS[1], "cam1", 5, (32, 16))
    assert len({image.tobytes() for image in many}) == 5


@pytest.mark.parametrize("camera", [camera.number for camera in CAMERAS])
def test_shape_follows_modality(camera: int) -> None:
    shape = (2, 32, 16) if camera in INFRARED else (2, 32, 16, 3)
    images = draw(0, 4, LOOKS[camera], f"cam{camera}", 2, (32, 16))
    assert images.shape == shape and images.dtype == np.uint8
    assert LOOKS[camera].modality == CAMERAS[camera - 1].modality


def test_infrared_files_have_three_equal_channels_and_visible_ones_do_not(tmp_path: Path) -> None:
    generate(tmp_path / "a", 3, TINY)
    tree = open_sysu(tmp_path / "a")
    for camera in CAMERAS:
        pixels = decode(tree.files(camera.number, tree.test_ids), 32, 16).astype(int)
        gap = np.abs(pixels - pixels[..., :1]).max(axis=(1, 2, 3))
        assert (gap == 0).all() if camera.modality == "infrared" else (gap > 40).all()


def test_cameras_differ_more_than_images_of_one_camera() -> None:
    means = np.array(
        [[draw(0, who, LOOKS[c], f"cam{c}", 4, (32, 16)).mean(axis=0) for who in (1, 2, 3)] for c in VISIBLE],
        dtype=float,
    )
    between = means.mean(axis=1).std(axis=0).mean()
    within = means.std(axis=1).mean()
    assert between > within


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), identities=st.integers(8, 80), coverage=st.floats(0.25, 1.0))
def test_a_plan_keeps_its_promises(seed: int, identities: int, coverage: float) -> None:
    options = SyntheticSysu(identities=identities, test_identities=5, coverage=coverage)
    people = plan(seed, options)
    train = set(people.train + people.validation)
    assert sorted((*people.train, *people.validation, *people.test)) == list(range(1, identities + 6))
    assert set(people.seen) == {1, 2, 3, 4, 5, 6}
    sizes = {len(set(ids)) for ids in people.seen.values()}
    assert sizes == {min(identities, max(8, round(coverage * identities)))}
    assert {i for ids in people.seen.values() for i in ids} <= train
    if coverage >= 0.5 and identities % 2 == 0:
        assert {i for c in INFRARED for i in people.seen[c]} == train
        assert {i for c in VISIBLE for i in people.seen[c]} == train


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identities", 7),
        ("test_identities", 1),
        ("images", 0),
        ("coverage", 0.2),
        ("height", 8),
        ("width", 4),
    ],
)
def test_bad_options_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is {value}; expected"):
        SyntheticSysu(**{name: value})
