import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.reid.layouts.hitsz_vcm.read import open_camera, open_tests, read_lists

# modality, person, camera, frames: train, then test
TRAIN = ((2, 3, 1, 12), (1, 3, 1, 13), (2, 3, 2, 11), (2, 5, 2, 12), (1, 5, 6, 12))
TEST = ((1, 8, 1, 12), (2, 8, 2, 14), (1, 8, 3, 11), (1, 9, 4, 12), (2, 9, 5, 12))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree written by hand after the published description; its images are no images."""
    out = tmp_path / "vcm"
    (out / "info").mkdir(parents=True)
    for side, short, tracks in (("Train", "train", TRAIN), ("Test", "test", TEST)):
        names, rows = [], []
        for number, (modality, person, camera, frames) in enumerate(tracks, 1):
            first = len(names) + 1
            for frame in range(frames):
                file = f"{10 * number:04d}{frame:02d}.jpg"
                names.append(f"{person:04d}M{modality}D{camera}T{number:03d}F{file}")
                path = out / side / f"{person:04d}" / {1: "ir", 2: "rgb"}[modality] / f"D{camera}" / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"frame")
            rows.append(f"{modality} {first} {len(names)} {person} {camera}")
        (out / "info" / f"{short}_name.txt").write_text("\n".join(names) + "\n")
        (out / "info" / f"track_{short}_info.txt").write_text("\n".join(rows) + "\n")
    (out / "info" / "query_IDX.txt").write_text("1 3 4\n")
    return out


def test_the_lists_are_read_as_published(root: Path) -> None:
    tree = read_lists(root, "the tree")
    assert tree.train.ids == (3, 5) and tree.test.ids == (8, 9)
    assert tree.train.lengths.tolist() == [12, 13, 11, 12, 12]
    assert tree.train.rows().tolist() == [0, 1, 3, 4] and tree.train.rows(2).tolist() == [3]
    assert [rows.tolist() for rows in tree.test_rows()] == [[0, 3], [1, 4]]


def test_a_film_says_where_its_frames_lie(root: Path) -> None:
    film = read_lists(root, "the tree").train.films(np.array([1]))[0]
    assert (film.id, film.camera, film.infrared, len(film)) == (3, 1, True, 13)
    assert film.frames[0] == root / "Train" / "0003" / "ir" / "D1" / "002000.jpg"
    assert film.frames[-1].name == "002012.jpg"


def test_a_camera_opens_its_own_frames_alone(root: Path) -> None:
    _, films = open_camera(root, 1)
    assert [(film.id, film.infrared) for film in films] == [(3, False), (3, True)]
    shutil.rmtree(root / "Test")
    shutil.rmtree(root / "Train" / "0005")
    shutil.rmtree(root / "Train" / "0003" / "rgb" / "D2")
    _, again = open_camera(root, 1)
    assert again == films
    with pytest.raises(DataError, match="12 of 12 image files under Train of camera 2 in the data folder"):
        open_camera(root, 2)


def test_the_evaluator_opens_test_frames_alone(root: Path) -> None:
    shutil.rmtree(root / "Train")
    query, gallery = open_tests(root)
    assert [(film.id, film.camera) for film in query] == [(8, 1), (9, 4)]
    assert [(film.id, film.camera) for film in gallery] == [(8, 2), (9, 5)]
    (gallery[1].frames[3]).write_bytes(b"")
    with pytest.raises(
        DataError, match=r"1 of 26 image files under Test \(gallery\) .* are empty or missing"
    ):
        open_tests(root)


def _text(name: str, change: Callable[[str], str]) -> Callable[[Path], object]:
    return lambda root: (root / "info" / name).write_text(change((root / "info" / name).read_text()))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda root: (root / "info" / "test_name.txt").unlink(), "test_name.txt is missing"),
    "no table": (_text("track_train_info.txt", lambda t: t + "1 2"), "track_train_info.txt .* is no table"),
    "empty": (_text("track_test_info.txt", lambda t: ""), "track_test_info.txt .* is no table"),
    "word": (_text("track_test_info.txt", lambda t: t + "a"), "holds something else than numbers"),
    "outside": (_text("train_name.txt", lambda t: t.split("\n", 1)[1]), "1 of 5 tracklets .* point outside"),
    "backwards": (_text("track_train_info.txt", lambda t: t.replace("1 12 3", "12 1 3")), "1 of 5 tracklets"),
    "both": (
        _text("track_test_info.txt", lambda t: t.replace(" 9 4", " 5 4")),
        "1 persons .* both trained on",
    ),
    "no query": (_text("query_IDX.txt", lambda t: "0 1"), "does not hold different rows from 1 to 5"),
    "query twice": (_text("query_IDX.txt", lambda t: "1\n1"), "does not hold different rows from 1 to 5"),
    "query beyond": (_text("query_IDX.txt", lambda t: "6"), "does not hold different rows from 1 to 5"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_list_is_refused_in_one_sentence_without_a_path(case: str, root: Path) -> None:
    spoil, sentence = BAD[case]
    spoil(root)
    for opener in (lambda: open_camera(root, 1), lambda: open_tests(root)):
        with pytest.raises(DataError, match=sentence) as caught:
            opener()
        text = str(caught.value)
        assert "expected" in text and str(root) not in text and "0003" not in text and ".jpg" not in text
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "name", ["0003M1D1T002/F000001.jpg", "0003", "0003M1D1T002Fa/b.jpg", "../M1D1T1Fa.jpg"]
)
def test_a_name_that_says_nothing_is_refused_and_not_told(name: str, root: Path) -> None:
    _text("train_name.txt", lambda t: name + t[t.index("\n") :])(root)
    with pytest.raises(DataError, match="1 of 12 names of a tracklet's frames are not understood") as caught:
        open_camera(root, 1)
    assert "0003" not in str(caught.value)
    assert len(open_camera(root, 6)[1]) == 1, "another camera's names are not looked at"


def test_what_is_not_there_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*nowhere' is not a folder; expected the root of HITSZ-VCM"):
        read_lists(tmp_path / "nowhere", f"'{tmp_path / 'nowhere'}'")
    with pytest.raises(DataError, match="no camera 7; expected a number from 1 to 6"):
        open_camera(root, 7)
    with pytest.raises(DataError, match="camera 3 has no training tracklet of 12 frames"):
        open_camera(root, 3)
    _text("query_IDX.txt", lambda t: "3")(root)
    with pytest.raises(DataError, match="there is no query tracklet of 12 frames"):
        open_tests(root)
