"""Bad input, each kind told in one sentence that says what was found, what was expected and what to do.

Trees are the generator's own, damaged by hand. What can be raised at a site names no path and no person.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.errors import DataError
from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.drawing.writer import TOP, Drawing, write_fingers
from isofed.tasks.vein.layouts.check import check_database
from isofed.tasks.vein.layouts.databases import FINGERVEINSYN
from isofed.tasks.vein.layouts.masks import check_masks, mask
from isofed.tasks.vein.layouts.read import list_files, open_fingers

EXAMPLE = "raw_images/00001/00001_001_Shift.png"  # the layout's, not of anybody's data
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two fingers of two pictures."""
    out = tmp_path_factory.mktemp("whole") / "tree"
    write_fingers(out, 3, Drawing(fingers=2, samples=2))
    return out


@pytest.fixture
def tree(whole: Path, tmp_path: Path) -> Path:
    """Copy the two fingers, to be damaged."""
    shutil.copytree(whole, tmp_path / "person_00042")
    return tmp_path / "person_00042"


def halved(tree: Path) -> None:
    """Cut one picture off."""
    path = sorted((tree / TOP / "raw_images").rglob("*.png"))[1]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def boxless(tree: Path) -> None:
    """Take one annotation's box away."""
    path = sorted((tree / TOP / "annotations").rglob("*.xml"))[1]
    path.write_bytes(re.sub(rb"<bbox>.*</bbox>", b"", path.read_bytes(), flags=re.DOTALL))


def mixed(tree: Path) -> None:
    """Give one picture another size."""
    path = sorted((tree / TOP / "raw_images").rglob("*.png"))[1]
    Image.open(path).resize((672, 380)).save(path)


def renamed(tree: Path) -> None:
    """Give the folders of pictures names of one's own."""
    (tree / TOP / "raw_images").rename(tree / TOP / "my_pictures")
    (tree / TOP / "roi_images").rename(tree / TOP / "my_cuts")


def unannotated(tree: Path) -> None:
    """Give the folder of annotations a name of one's own."""
    (tree / TOP / "annotations").rename(tree / TOP / "xml")


def single(tree: Path) -> None:
    """Leave one picture of each finger."""
    for folder in (tree / TOP / "raw_images").iterdir():
        sorted(folder.iterdir())[1].unlink()


@pytest.mark.parametrize(
    ("damage", "found", "expected", "do"),
    [
        (halved, "1 of 4 images of FingerVeinSyn-5M cannot be read", "whole images", "copy them again"),
        (boxless, "1 of 4 annotations .* have no ROI box", "whole annotations", "copy them again"),
        (mixed, r"2 sizes \(3 of 600 x 300, 1 of 672 x 380\)", "expected one", "pictures of one sensor"),
        (renamed, "holds no image of FingerVeinSyn-5M", EXAMPLE, "give the folder"),
        (unannotated, "4 of 4 annotations .* cannot be read", "whole annotations", "copy them again"),
        (single, "2 images to test on show 2 fingers, 0 of them more", "two images", "larger database"),
        (shutil.rmtree, "is not a folder", "expected the root of FingerVeinSyn-5M", ""),
    ],
    ids=["truncated PNG", "no boxes", "mixed sizes", "unknown folder", "no XML", "one image", "nothing"],
)  # fmt: skip
def test_each_is_one_sentence_without_a_path_or_a_person(
    tree: Path, damage: Damage, found: str, expected: str, do: str
) -> None:
    damage(tree)
    with pytest.raises(DataError, match=found) as caught:
        rules.refuse_single(open_fingers(tree, FINGERVEINSYN).takes)
    told = str(caught.value)
    assert expected in told and do in told and "expected" in told
    # one sentence: neither a line break nor a full stop before the end
    assert "\n" not in told and ". " not in told and len(told) < 320
    example = told.replace(EXAMPLE, "")
    assert str(tree) not in told and "00042" not in told and not re.search(r"0000\d", example)
    assert caught.value.__context__ is None and caught.value.__cause__ is None


@pytest.mark.parametrize("damage", [halved, boxless, mixed])
def test_a_check_finds_it_without_training(tree: Path, damage: Damage) -> None:
    assert all(finding.ok for finding in check_database(tree, FINGERVEINSYN))
    damage(tree)
    assert not all(finding.ok for finding in check_database(tree, FINGERVEINSYN))


def shrunk(path: Path) -> None:
    """Save a mask at half its size."""
    Image.open(path).resize((300, 150), Image.Resampling.NEAREST).save(path)


def cut_off(path: Path) -> None:
    """Cut a file off."""
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("folder", "kind", "damage", "words"),
    [
        ("pattern_masks", "veins", shrunk, "a veins mask is 300 x 150; expected 600 x 300 as its picture"),
        ("shape_masks", "shape", shrunk, "a shape mask is 300 x 150; expected 600 x 300 as its picture"),
        ("shape_masks", "shape", cut_off, "no shape mask that can be read; expected a PNG of its name under"),
        ("pattern_masks", "veins", Path.unlink, "under pattern_masks or vein_pattern_masks: copy"),
    ],
    ids=["small veins", "small shape", "truncated", "missing"],
)
def test_a_mask_that_does_not_fit_is_refused_and_found(
    tree: Path, folder: str, kind: str, damage: Damage, words: str
) -> None:
    files = list_files(tree, FINGERVEINSYN)
    assert [finding.ok for finding in check_masks(tree, files)] == [True, True]
    damage(sorted((tree / TOP / folder).rglob("*.png"))[2])
    with pytest.raises(DataError, match=words) as caught:
        mask(files[2], kind)
    told = str(caught.value)
    assert str(tree) not in told and not re.search(r"0000\d", told) and "\n" not in told
    bad = [finding for finding in check_masks(tree, files) if not finding.ok]
    assert [finding.found for finding in bad][1:] == ["3 of 4"]
    assert bad[0].what == files[2].path.relative_to(tree).as_posix()
    assert bad == [finding for finding in check_database(tree, FINGERVEINSYN) if not finding.ok]


def test_masks_of_an_unknown_folder_are_said_and_no_masks_are_no_fault(tree: Path) -> None:
    (tree / TOP / "pattern_masks").rename(tree / TOP / "veins")
    files = list_files(tree, FINGERVEINSYN)
    with pytest.raises(DataError, match="under pattern_masks or vein_pattern_masks"):
        mask(files[0], "veins")
    assert [finding.what for finding in check_masks(tree, files)] == ["shape masks that fit their pictures"]


def test_a_png_without_its_end_is_still_whole(tree: Path) -> None:
    path = sorted((tree / TOP / "raw_images").rglob("*.png"))[0]
    before = np.asarray(Image.open(path))
    path.write_bytes(path.read_bytes()[:-12])
    assert np.array_equal(np.asarray(Image.open(path)), before)
    assert len(open_fingers(tree, FINGERVEINSYN)) == 4
