"""Small trees of every layout: written, checked, read, damaged."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.errors import ConfigError, DataError
from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.layouts import pictures
from isofed.tasks.vein.layouts.check import check_database
from isofed.tasks.vein.layouts.databases import DATABASES
from isofed.tasks.vein.layouts.read import list_files, open_fingers, takes_of
from isofed.tasks.vein.layouts.write import Small, another_day, kind, write_database

Picture = Callable[[int, int, int, tuple[int, int]], np.ndarray]
SMALL = Small(subjects=2, samples=2)


def made(out: Path, name: str, picture: Picture, small: Small = SMALL) -> Path:
    """Write a small tree."""
    database = DATABASES[name]
    fitting = Small(small.subjects, min(small.samples, database.samples), small.part)
    write_database(out, database, fitting, picture)
    return out


@pytest.fixture
def syn(tmp_path: Path, picture: Picture) -> Path:
    """Write a small synthetic tree with annotations."""
    return made(tmp_path / "syn", "fingerveinsyn", picture, Small(2, 3))


@pytest.mark.parametrize("name", sorted(DATABASES))
def test_every_layout_is_written_checked_and_read(tmp_path: Path, picture: Picture, name: str) -> None:
    database = DATABASES[name]
    for part in database.parts:
        root = made(tmp_path / part, name, picture, Small(1, 2, part))
        findings = check_database(root, database, part=part)
        assert all(finding.ok for finding in findings), findings
        found = open_fingers(root, database, part=part)
        assert found.pixels.shape[1:] == (100, 300) and found.pixels.dtype == np.uint8
        samples = min(2, database.samples)
        assert len(found) == len(database.fingers) * len(database.sessions) * samples
        assert len(set(found.takes.ids().tolist())) == len(database.fingers)
        assert list(root.rglob("Thumbs.db"))


@pytest.mark.parametrize(
    ("name", "file", "kind", "size"),
    [
        ("fv_usm", "1st_session/extractedvein/vein001_1/01.jpg", "JPEG", (100, 300)),
        ("sdumla", "002/right/ring_2.bmp", "BMP", (320, 240)),
        ("mmcbnu", "ROIs/001/L_Fore/01.bmp", "BMP", (128, 60)),
        ("utfvp", "0002/0002_6_3_120509-141500.png", "PNG", (672, 380)),
        ("nupt_fpv", "image/Session2/FingerVein/012/012_02.bmp", "BMP", (400, 300)),
        ("hkpu", "FingerVein/2/f2/2/2_2_f2_2.bmp", "BMP", (513, 256)),
        ("plusvein", "PLUS-FV3-LED/PALMAR/01/002/PLUS-FV3-LED_PALMAR_01_002_09_01.png", "PNG", (736, 192)),
        ("thu_fvfdt", "FV2/FV2_Test/002/1.bmp", "BMP", (200, 100)),
        ("vera", "full/bf/001-M/001_L_1.png", "PNG", (665, 250)),
        ("fingerveinsyn", "raw_images/00002/00002_002_Shift.png", "PNG", (600, 300)),
    ],
)
def test_files_have_the_published_names_sizes_and_kinds(
    tmp_path: Path, picture: Picture, name: str, file: str, kind: str, size: tuple[int, int]
) -> None:
    with Image.open(made(tmp_path / "t", name, picture) / file) as image:
        assert (image.format, image.size) == (kind, size)


def test_a_portrait_roi_comes_back_upright(tmp_path: Path, picture: Picture) -> None:
    found = open_fingers(made(tmp_path / "t", "fv_usm", picture), DATABASES["fv_usm"])
    drawn = picture(0, 0, 1, (100, 300)).astype(int)
    assert np.abs(found.pixels[0].astype(int) - drawn).mean() < 2  # JPEG's own error


def test_the_second_session_is_another_day(tmp_path: Path, picture: Picture) -> None:
    found = open_fingers(made(tmp_path / "t", "hkpu", picture), DATABASES["hkpu"])
    first, second = (found.pixels[found.takes.sessions == session].mean() for session in (1, 2))
    assert 0.8 * first < second < 0.95 * first
    assert another_day(np.array([0, 255], np.uint8)).tolist() == [0, 242]


def test_fingers_of_one_identity_are_alike_in_every_layout(tmp_path: Path, picture: Picture) -> None:
    found = open_fingers(made(tmp_path / "t", "sdumla", picture), DATABASES["sdumla"])
    flat = found.pixels.reshape(len(found), -1).astype(float)
    tally = rules.score(flat - flat.mean(1, keepdims=True), found.takes, rules.open_set(found.takes))
    assert tally.eer()[0] < 0.1 and tally.hits == tally.probes


def test_schedule_of_kinds() -> None:
    numbers = [1, 5, 6, 16, 17, 21, 22, 30, 31, 36, 41, 46, 50, 51, 100]
    words = "Shift Shift Rotate Rotate Scale Scale Roll Roll OpticalBlur MotionBlur Exposure SkinScatter"
    assert [kind(n) for n in numbers] == [*words.split(), "SkinScatter", "Multi", "Multi"]


def test_check_12_the_repository_sample_s_names_are_read_too(syn: Path) -> None:
    for folder in ("raw_images", "annotations"):
        kept = syn / folder / "00001"
        shutil.rmtree(syn / folder / "00002")
        kept.rename(syn / folder / "example")
    (syn / "FingerVeinSyn5M").mkdir()
    for folder in ("raw_images", "annotations"):
        (syn / folder).rename(syn / "FingerVeinSyn5M" / folder)
    found = open_fingers(syn, DATABASES["fingerveinsyn"])
    assert found.takes.samples.tolist() == [1, 2, 3] and set(found.takes.subjects.tolist()) == {1}


def test_a_cache_is_used_again_and_made_anew(
    syn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, cache = DATABASES["fingerveinsyn"], tmp_path / "cache"
    first = open_fingers(syn, database, cache)
    assert isinstance(first.pixels, np.memmap)
    assert np.array_equal(first.pixels, open_fingers(syn, database).pixels)
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "read", lambda file: pytest.fail("decoded again"))
        assert np.array_equal(open_fingers(syn, database, cache).pixels, first.pixels)
    note = next((syn / "annotations").rglob("*.xml"))
    note.write_bytes(note.read_bytes().replace(b"478.00", b"400.00"))
    assert not np.array_equal(open_fingers(syn, database, cache).pixels, first.pixels)


def test_a_cache_that_was_damaged_is_made_anew(syn: Path, tmp_path: Path) -> None:
    database, cache = DATABASES["fingerveinsyn"], tmp_path / "cache"
    first = np.array(open_fingers(syn, database, cache).pixels)
    (cache / pictures.INDEX).write_text("{")
    assert np.array_equal(open_fingers(syn, database, cache).pixels, first)
    (cache / pictures.PIXELS).unlink()
    assert np.array_equal(open_fingers(syn, database, cache).pixels, first)


def test_a_failed_cache_leaves_none(syn: Path, tmp_path: Path) -> None:
    _truncate(next((syn / "raw_images").rglob("*.png")))
    cache = tmp_path / "cache"
    with pytest.raises(DataError):
        open_fingers(syn, DATABASES["fingerveinsyn"], cache)
    assert list(cache.iterdir()) == []


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def _boxless(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"bbox", b"box"))


def _resized(path: Path) -> None:
    Image.new("L", (320, 240)).save(path)


@pytest.mark.parametrize(
    ("pattern", "damage", "words"),
    [
        ("*_002_*.png", _truncate, "2 of 6 images of FingerVeinSyn-5M cannot be read; expected whole images"),
        ("*_001_*.png", lambda path: path.write_bytes(b""), "2 of 6 image files of .* are empty"),
        ("*_001_*.xml", _boxless, "2 of 6 annotations of FingerVeinSyn-5M have no ROI box or cannot be read"),
        ("*_001_*.xml", Path.unlink, "2 of 6 annotations"),
        ("*_003_*.png", _resized, "have 2 sizes .4 of 600 x 300, 2 of 320 x 240.; expected one"),
    ],
    ids=["truncated", "empty", "no box", "no annotation", "mixed sizes"],
)
def test_damage_is_one_sentence_without_a_path(
    syn: Path, tmp_path: Path, pattern: str, damage: Callable[[Path], object], words: str
) -> None:
    damaged = sorted(syn.rglob(pattern))
    for path in damaged:
        damage(path)
    with pytest.raises(DataError, match=words) as caught:
        open_fingers(syn, DATABASES["fingerveinsyn"])
    text = str(caught.value)
    assert str(tmp_path) not in text and "00001" not in text
    assert caught.value.__context__ is None
    findings = [finding for finding in check_database(syn, DATABASES["fingerveinsyn"]) if not finding.ok]
    assert findings


def test_a_check_names_what_cannot_be_read(syn: Path) -> None:
    _truncate(syn / "raw_images/00002/00002_003_Shift.png")
    told: list[tuple[int, int]] = []
    findings = check_database(syn, DATABASES["fingerveinsyn"], lambda done, total: told.append((done, total)))
    bad = [finding.what for finding in findings if not finding.ok]
    assert bad == ["raw_images/00002/00002_003_Shift.png", "images that can be read"]
    assert told[-1] == (6, 6)


def test_a_check_compares_with_the_published_counts(syn: Path) -> None:
    (syn / "synthetic.json").unlink()
    findings = {finding.what: finding for finding in check_database(syn, DATABASES["fingerveinsyn"])}
    assert (findings["images"].found, findings["images"].expected) == ("6", "5000000")
    assert not findings["images"].ok and findings["width x height"].ok


def test_a_check_says_what_is_hearsay(tmp_path: Path, picture: Picture) -> None:
    findings = check_database(made(tmp_path / "t", "thu_fvfdt", picture), DATABASES["thu_fvfdt"])
    assert any("the folders' names" in finding.found for finding in findings)


def test_one_image_of_each_finger_is_refused(tmp_path: Path, picture: Picture) -> None:
    root = made(tmp_path / "t", "vera", picture, Small(4, 1))
    bad = [finding for finding in check_database(root, DATABASES["vera"]) if not finding.ok]
    assert [(each.what, each.found) for each in bad] == [("fingers shown more than once", "0")]
    takes = open_fingers(root, DATABASES["vera"]).takes
    with pytest.raises(DataError, match="4 images to test on show 4 fingers, 0 of them more than once"):
        rules.open_set(takes)


def test_no_folder_and_no_picture_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a folder; expected the root of VERA .*: give the folder"):
        open_fingers(tmp_path / "nowhere", DATABASES["vera"])
    with pytest.raises(DataError, match=r"expected names such as full/bf/001-M/001_L_1\.png"):
        open_fingers(tmp_path, DATABASES["vera"])


def test_two_copies_in_one_folder_are_refused(tmp_path: Path, picture: Picture) -> None:
    root = made(tmp_path / "a/one", "sdumla", picture)
    shutil.copytree(root, tmp_path / "a/two")
    with pytest.raises(DataError, match="24 of 48 images of SDUMLA-HMT"):
        list_files(tmp_path / "a", DATABASES["sdumla"])


def test_files_come_in_the_order_of_whom_they_show(tmp_path: Path, picture: Picture) -> None:
    takes = takes_of(list_files(made(tmp_path / "t", "fv_usm", picture), DATABASES["fv_usm"]))
    rows = np.stack(list(vars(takes).values()))
    assert np.array_equal(np.lexsort(rows[::-1]), np.arange(len(takes)))


def test_a_tree_says_what_it_holds(syn: Path) -> None:
    mark = json.loads((syn / "synthetic.json").read_text())
    assert mark["expected"] == {"subjects": 2, "fingers": 2, "images": 6}


def test_the_same_function_gives_the_same_bytes(tmp_path: Path, picture: Picture) -> None:
    trees = [made(tmp_path / str(n), "vera", picture) for n in (1, 2)]
    files = [{p.relative_to(t): p.read_bytes() for p in t.rglob("*.png")} for t in trees]
    assert files[0] == files[1] and len(files[0]) == 8


def test_progress_is_told(tmp_path: Path, picture: Picture) -> None:
    told: list[tuple[int, int]] = []
    small = Small(1, 2)
    write_database(tmp_path / "t", DATABASES["vera"], small, picture, lambda *seen: told.append(seen))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("small", [Small(0, 2), Small(111, 2), Small(2, 3), Small(2, 2, "texture")])
def test_what_the_database_has_not_is_refused(tmp_path: Path, picture: Picture, small: Small) -> None:
    with pytest.raises(ConfigError):
        write_database(tmp_path / "t", DATABASES["vera"], small, picture)


def test_a_drawing_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected \(250, 665\) of uint8"):
        write_database(tmp_path / "t", DATABASES["vera"], SMALL, lambda *asked: np.zeros((2, 3), np.uint8))


def test_what_is_not_ours_is_not_replaced(tmp_path: Path, picture: Picture) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="not made by isofed"):
        made(tmp_path / "mine", "vera", picture)
