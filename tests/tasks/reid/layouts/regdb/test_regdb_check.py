import shutil
from pathlib import Path

import pytest

from isofed.errors import DataError
from isofed.tasks.layouts.tree import MARK
from isofed.tasks.reid.layouts.regdb.check import PUBLISHED, check_regdb
from isofed.tasks.reid.layouts.regdb.make import SyntheticRegdb, generate
from isofed.tasks.task import Finding

TINY = SyntheticRegdb(identities=8, test_identities=3, images=2, height=32, width=16)
EACH = "each of splits 1 to 10: "


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("check") / "regdb"
    generate(root, 0, TINY)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "regdb"))


def _by_name(root: Path) -> dict[str, Finding]:
    return {finding.what: finding for finding in check_regdb(root)}


def _bad(root: Path) -> list[str]:
    return [finding.what for finding in check_regdb(root) if not finding.ok]


def test_a_made_tree_fits_its_own_counts(root: Path) -> None:
    calls: list[tuple[int, int]] = []
    assert all(f.ok for f in check_regdb(root, lambda done, total: calls.append((done, total))))
    assert calls[-1] == (44, 44)
    found = _by_name(root)
    assert found["identities"].found == "11"
    assert found[EACH + "training images, visible and thermal"].found == "16, 16"
    assert found[EACH + "test identities, visible and thermal"].found == "3, 3"


def test_without_a_mark_the_published_counts_are_expected(root: Path) -> None:
    (root / MARK).unlink()
    found = _by_name(root)
    assert found["identities"] == Finding("identities", "11", "412", False)
    expected = {what.removeprefix(EACH): f.expected for what, f in found.items() if what.startswith(EACH)}
    assert expected == {
        "training identities, visible and thermal": "206, 206",
        "training images, visible and thermal": "2060, 2060",
        "test identities, visible and thermal": "206, 206",
        "test images, visible and thermal": "2060, 2060",
        "persons both trained on and tested on": "0",
        "labels that are another person in thermal": "0",
    }
    assert found["images that can be read"].ok
    assert PUBLISHED.train + PUBLISHED.test == PUBLISHED.identities


def test_a_shorter_list_shows_its_split(root: Path) -> None:
    path = root / "idx" / "train_thermal_4.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    found = _by_name(root)
    assert found["split 4: training images, visible and thermal"].found == "16, 15"
    assert found["split 3: training images, visible and thermal"].ok
    assert _bad(root) == ["split 4: training images, visible and thermal"]


def test_somebody_on_both_sides_shows(root: Path) -> None:
    shutil.copy(root / "idx" / "train_visible_2.txt", root / "idx" / "test_visible_2.txt")
    bad = _by_name(root)
    assert bad["split 2: persons both trained on and tested on"].found == "8"
    assert not bad["layout"].ok


def test_labels_that_mean_another_person_show(root: Path) -> None:
    one, two = (root / "idx" / f"train_thermal_{split}.txt" for split in (1, 2))
    shutil.copy(one, two)
    found = _by_name(root)
    assert int(found["split 2: labels that are another person in thermal"].found) > 0
    assert not found["layout"].ok


def test_a_missing_image_and_a_broken_one_are_named(root: Path) -> None:
    first, second = sorted((root / "Thermal" / "5").iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes()[:-9])
    names = [path.relative_to(root).as_posix() for path in (first, second)]
    assert _bad(root) == ["layout", *names, "images that can be read"]
    assert _by_name(root)["images that can be read"].found == "42 of 44"


def test_an_image_too_many_shows(root: Path) -> None:
    visible = root / "idx" / "train_visible_1.txt"
    line = visible.read_text().splitlines()[0]
    path, label = line.split()
    shutil.copy(root / path, (root / path).with_name("more.bmp"))
    visible.write_text(visible.read_text() + f"{Path(path).with_name('more.bmp').as_posix()} {label}\n")
    assert _by_name(root)["camera 1 (visible): images of each person"].found == "2 to 3"
    assert _by_name(root)["camera 1 (visible): images"].found == "23"


@pytest.mark.parametrize("text", ["", "{}", '{"expected": {"identities": 1}}', "[]"])
def test_a_damaged_mark_is_refused(root: Path, text: str) -> None:
    (root / MARK).write_text(text)
    with pytest.raises(DataError, match="cannot be read; expected the counts that its maker wrote"):
        check_regdb(root)


def test_without_lists_there_is_nothing_to_check(root: Path) -> None:
    (root / "idx" / "test_thermal_10.txt").unlink()
    with pytest.raises(DataError, match=r"idx/test_thermal_10\.txt is missing"):
        check_regdb(root)
