from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isofed.errors import ConfigError
from isofed.tasks.reid.drawing.cameras import LOOKS as NEAR_INFRARED
from isofed.tasks.reid.drawing.draw import draw
from isofed.tasks.reid.layouts.regdb.make import LOOKS, SyntheticRegdb, generate, plan
from isofed.tasks.reid.layouts.regdb.read import open_regdb

TINY = SyntheticRegdb(identities=8, test_identities=3, images=2, height=32, width=16)


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_is_made_is_read_by_the_reader(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    generate(tmp_path / "a", 3, TINY, progress=lambda done, total: calls.append((done, total)))
    for drawn, both in zip(plan(3, TINY), open_regdb(tmp_path / "a"), strict=True):
        for lists in both:
            assert tuple(dict.fromkeys(entry.person for entry in lists.train)) == drawn.train
            assert tuple(dict.fromkeys(entry.person for entry in lists.test)) == drawn.test
            assert (len(lists.train), len(lists.test)) == (16, 6)
    assert calls[0] == (2, 44) and calls[-1] == (44, 44)


def test_a_seed_decides_everything_and_workers_nothing(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("c", 4)):
        generate(tmp_path / name, seed, TINY)
    with ThreadPoolExecutor(2) as pool:
        generate(tmp_path / "b", 3, TINY, pool.map)
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")
    assert _tree(tmp_path / "a") != _tree(tmp_path / "c")


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), identities=st.integers(8, 60), tested=st.integers(2, 60))
def test_every_split_has_the_same_numbers_and_no_two_are_alike(
    seed: int, identities: int, tested: int
) -> None:
    splits = plan(seed, SyntheticRegdb(identities=identities, test_identities=tested))
    assert len(splits) == 10
    for split in splits:
        assert (len(split.train), len(split.test)) == (identities, tested)
        assert sorted(split.train + split.test) == list(range(1, identities + tested + 1))
    assert len({split.train for split in splits}) > 1


def test_visible_files_have_colour_and_thermal_ones_do_not(tmp_path: Path) -> None:
    generate(tmp_path / "a", 3, TINY)
    kinds = {"Visible": "RGB", "Thermal": "L"}
    for folder, mode in kinds.items():
        paths = list((tmp_path / "a" / folder).rglob("*.bmp"))
        assert len(paths) == 22
        for path in paths:
            with Image.open(path) as image:
                assert (image.format, image.mode, image.size) == ("BMP", mode, (16, 32))


def test_thermal_has_less_contrast_and_softer_edges_than_near_infrared() -> None:
    thermal, near = (
        np.stack([draw(0, who, look, "view", 2, (96, 48)) for who in range(1, 7)]).astype(float)
        for look in (LOOKS["thermal"], NEAR_INFRARED[3])
    )
    assert thermal.std(axis=(2, 3)).mean() < 0.6 * near.std(axis=(2, 3)).mean()
    assert np.abs(np.diff(thermal, axis=2)).mean() < 0.4 * np.abs(np.diff(near, axis=2)).mean()


def test_persons_can_be_told_apart_in_both() -> None:
    for look in LOOKS.values():
        means = np.stack([draw(0, who, look, "view", 24, (32, 16)).mean(axis=0) for who in range(1, 7)])
        again = np.stack([draw(0, who, look, "again", 24, (32, 16)).mean(axis=0) for who in range(1, 7)])
        gaps = np.abs(means.reshape(6, 1, -1) - again.reshape(1, 6, -1)).mean(axis=2)
        assert (gaps.argmin(axis=1) == np.arange(6)).sum() >= 5


@pytest.mark.parametrize(
    ("name", "value"),
    [("identities", 7), ("test_identities", 1), ("images", 0), ("height", 8), ("width", 4)],
)
def test_bad_options_are_refused(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is {value}; expected"):
        SyntheticRegdb(**{name: value})


def test_by_default_a_batch_of_eight_people_can_be_drawn_twice_over() -> None:
    assert SyntheticRegdb().identities >= 16
