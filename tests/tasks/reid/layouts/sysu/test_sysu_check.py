import shutil
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.layouts.tree import MARK, encode
from isofed.tasks.reid.layouts.sysu.check import PUBLISHED, check_sysu
from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate
from isofed.tasks.reid.layouts.sysu.write import Folder, write_sysu
from isofed.tasks.task import Finding

TINY = SyntheticSysu(identities=8, test_identities=2, images=2, coverage=0.5, height=32, width=16)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    generate(tmp_path / "sysu", 0, TINY)
    return tmp_path / "sysu"


def _bad(findings: list[Finding]) -> list[str]:
    return [finding.what for finding in findings if not finding.ok]


def test_a_made_tree_fits_its_own_counts(root: Path) -> None:
    calls: list[tuple[int, int]] = []
    findings = check_sysu(root, lambda done, total: calls.append((done, total)))
    by_name = {finding.what: finding for finding in findings}
    assert _bad(findings) == []
    assert by_name["identities"].found == "10"
    assert by_name["query images"].found == str(2 * 2 * 2)
    assert by_name["gallery images in a draw"].found == str(2 * 4)
    assert by_name["camera 3 (infrared): training images"].found == str(8 * 2)
    assert calls[-1] == (120, 120)


def test_without_a_mark_the_published_counts_are_expected(root: Path) -> None:
    (root / MARK).unlink()
    by_name = {finding.what: finding for finding in check_sysu(root)}
    assert by_name["identities"] == Finding("identities", "10", "491", False)
    assert by_name["query images"].expected == "3803"
    assert by_name["gallery images in a draw"].expected == "301"
    assert by_name["camera 6 (infrared): training images"].expected == "4000"
    assert by_name["images that can be read"].ok


def test_the_published_counts_add_up() -> None:
    images = [images for _, images in PUBLISHED.cameras]
    assert sum(images) == 34167
    assert images[2] + images[5] == 11909


def test_each_unreadable_image_is_named(root: Path) -> None:
    images = sorted((root / "cam5").rglob("*.jpg"))
    images[0].write_bytes(images[0].read_bytes()[:200])
    images[1].write_bytes(b"")
    findings = check_sysu(root)
    names = [path.relative_to(root).as_posix() for path in images[:2]]
    assert _bad(findings) == ["layout", *names, "images that can be read"]
    assert findings[-1].found == "118 of 120"


def test_a_missing_camera_shows_in_layout_and_counts(root: Path) -> None:

    shutil.rmtree(root / "cam2")
    bad = _bad(check_sysu(root))
    assert (
        "layout" in bad and "camera 2 (visible): training images" in bad and "gallery images in a draw" in bad
    )
    assert "camera 1 (visible): training images" not in bad


def test_an_extra_image_shows(root: Path) -> None:
    first = next((root / "cam1").rglob("0001.jpg"))
    first.with_name("0003.jpg").write_bytes(first.read_bytes())
    assert len(_bad(check_sysu(root))) == 1


@pytest.mark.parametrize("text", ["", "{}", '{"expected": {"identities": 1}}', "[]"])
def test_a_damaged_mark_is_refused(root: Path, text: str) -> None:
    (root / MARK).write_text(text)
    with pytest.raises(DataError, match="cannot be read; expected the counts that its maker wrote"):
        check_sysu(root)


def test_without_lists_there_is_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        check_sysu(tmp_path / "nowhere")


def test_a_gallery_pair_counts_once(tmp_path: Path) -> None:
    grey = encode(np.zeros((3, 8, 4), np.uint8))
    folders = [Folder(camera, person, grey) for camera in range(1, 7) for person in (1, 2, 3)]
    lists = {"train_id.txt": [1], "val_id.txt": [2], "test_id.txt": [3]}
    write_sysu(tmp_path / "a", folders, lists, {})
    (tmp_path / "a" / MARK).unlink()
    by_name = {finding.what: finding.found for finding in check_sysu(tmp_path / "a")}
    assert by_name["gallery images in a draw"] == "4"
    assert by_name["query images"] == "6"
