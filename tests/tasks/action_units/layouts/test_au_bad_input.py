"""What is odd about clips is handled, told once and counted; what is broken is one sentence without names."""

import csv
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.errors import ConfigError, DataError
from isofed.tasks.action_units.drawing.plan import Small
from isofed.tasks.action_units.labels import COLUMNS, TABLE
from isofed.tasks.action_units.layouts.layout import LAYOUTS

pytest.importorskip("cv2", reason="flow needs isofed[flow]")
FOLD = LAYOUTS["cd6me_to_samm"]
Change = Callable[[list[dict[str, str]]], None]


@pytest.fixture
def tree(au_tree: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    shutil.copytree(au_tree, tmp_path / "tree")
    return tmp_path / "tree"


def rewrite(root: Path, change: Change) -> None:
    with (root / TABLE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    change(rows)
    with (root / TABLE).open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def of(rows: list[dict[str, str]], database: str) -> list[dict[str, str]]:
    return [row for row in rows if row["dataset"] == database]


def still(rows: list[dict[str, str]]) -> None:
    for row in of(rows, "casme")[:2]:
        row.update(apex=row["onset"], offset=row["onset"])


def strange(rows: list[dict[str, str]]) -> None:
    of(rows, "casme")[1]["AU"] = "4+?"


def double(rows: list[dict[str, str]]) -> None:
    mine, tested = of(rows, "casme")[0], of(rows, "samm")[0]
    tested.update(subject=mine["subject"], material=mine["material"])


def told(root: Path, cache: Path, options: Any, caplog: pytest.LogCaptureFixture) -> tuple[Any, list[str]]:
    caplog.clear()
    with caplog.at_level(logging.WARNING, "isofed.tasks.action_units"):
        found = FOLD.open_train(root, "casme", cache, options)
    return found, [record.getMessage() for record in caplog.records]


def test_onset_that_is_apex(
    tree: Path, tmp_path: Path, au_options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite(tree, still)
    found, said = told(tree, tmp_path / "cache", au_options(), caplog)
    assert said == ["CASME: 2 of 4 clips have one frame for onset and apex: kept, with no motion"]
    assert found.inputs.told == tuple(said)
    seen, moved = found.inputs[np.arange(4)]
    assert not seen[:2].any() and not moved[:2].any() and seen[2:].any() and moved[2:].any()
    assert told(tree, tmp_path / "cache", au_options(), caplog)[1] == []  # once, when the cache is made
    seen, _ = FOLD.open_train(tree, "casme", tmp_path / "b", au_options(scaling="fixed")).inputs[np.arange(1)]
    assert (seen[0, :2] == 0.5).all() and not seen[0, 2].any()
    (line,) = [line for line in FOLD.check(tree, None) if "one frame" in line.what]
    assert line.found == "2" and line.ok


def test_missing_frames(
    tree: Path, tmp_path: Path, au_options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    folders = sorted((tree / "CASME").glob("*/*/*"))
    pictures = sorted(folders[0].iterdir())
    pictures[0].unlink()
    for picture in sorted(folders[1].iterdir())[1:-1]:
        # all but onset and offset, so the apex too
        picture.unlink()
    found, said = told(tree, tmp_path / "cache", au_options(), caplog)
    assert said == ["CASME: 2 of 4 clips lack the frame of onset or apex: left out"]
    assert len(found) == len(found.labels) == len(found.inputs) == 2
    bad = [line for line in FOLD.check(tree, None) if not line.ok]
    assert [line.what for line in bad[:2]] == [folder.relative_to(tree).as_posix() for folder in folders[:2]]
    assert bad[2].found == "2" and bad[3].found == "22 of 24"


def test_a_missing_frame_beside_the_apex_is_another(tree: Path, tmp_path: Path, au_options: Any) -> None:
    with (tree / TABLE).open(newline="") as file:
        first = of(list(csv.DictReader(file)), "samm")[0]
    folder = next((tree / "SAMM").glob(f"*/{first['subject']}/{first['material']}"))
    usual = FOLD.open_test(tree, tmp_path / "a", au_options())
    next(folder.glob(f"*{int(first['apex']) + 1}.jpg")).unlink()
    other = FOLD.open_test(tree, tmp_path / "b", au_options())
    apex = FOLD.open_test(tree, tmp_path / "c", au_options(near="apex"))
    assert other.inputs.told == (
        "SAMM: 1 of 4 clips lack a frame beside the apex: another beside it is taken, or the apex",
    )
    assert usual.inputs.told == apex.inputs.told == ()
    moved = [each.inputs[np.arange(1)][1] for each in (usual, other, apex)]
    assert len(other) == 4 and not np.array_equal(moved[0], moved[1])
    np.testing.assert_array_equal(moved[1], moved[2])
    np.testing.assert_array_equal(moved[2][:, :32], moved[2][:, 32:])


def test_unknown_units(tree: Path, tmp_path: Path, au_options: Any, caplog: pytest.LogCaptureFixture) -> None:
    rewrite(tree, strange)
    found, said = told(tree, tmp_path / "cache", au_options(), caplog)
    assert said == [
        "CASME: 1 of 4 clips have a string that names more than action units: the table's columns hold"
    ]
    assert len(found) == 4


def test_somebody_of_two_databases(
    tree: Path, tmp_path: Path, au_options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite(tree, double)
    found, said = told(tree, tmp_path / "cache", au_options(), caplog)
    assert said == ["CASME: 2 of 4 clips show somebody who is tested in another database: left out"]
    assert len(found) == 2
    (line,) = [line for line in FOLD.check(tree, None) if line.what.startswith("people of two")]
    assert line.found == "2" and not line.ok


def emptied(root: Path) -> None:
    next((root / "CASME").rglob("*.jpg")).write_bytes(b"")
    for path in (root / "CASME").rglob("*.jpg"):
        path.write_bytes(b"no picture")


BROKEN: list[tuple[Callable[[Path], Any], str]] = [
    (emptied, "4 of 4 clips have frames that cannot be read; expected whole pictures"),
    (
        lambda root: shutil.rmtree(root / "CASME"),
        "casme holds no clip to train on, of 4",
    ),
    (lambda root: rewrite(root, lambda rows: rows.clear()), "casme holds no clip to train on, of 0"),
    (lambda root: (root / TABLE).unlink(), "is missing or has other columns"),
    (lambda root: shutil.rmtree(root), "the data folder is not a folder; expected the databases' folders"),
]


@pytest.mark.parametrize(("spoil", "said"), BROKEN, ids=range(len(BROKEN)))
def test_one_clear_sentence(
    tree: Path, tmp_path: Path, au_options: Any, spoil: Callable[[Path], Any], said: str
) -> None:
    spoil(tree)
    with pytest.raises(DataError, match=said) as caught:
        FOLD.open_train(tree, "casme", tmp_path / "cache", au_options())
    assert str(tmp_path) not in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "cache" / "index.json").exists()
    assert not list(tmp_path.glob("cache/.*"))


def test_no_clip_to_test_on(tree: Path, tmp_path: Path, au_options: Any) -> None:
    shutil.rmtree(tree / "SAMM")
    with pytest.raises(DataError, match="no clip of SAMM is left to test on, of 4 that the table names"):
        FOLD.open_test(tree, tmp_path / "cache", au_options())


def test_a_file_that_is_no_magnifier(tree: Path, tmp_path: Path, au_options: Any) -> None:
    (tmp_path / "weights.pt").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read as a state dict of tensors; give a file that"):
        FOLD.open_train(tree, "casme", tmp_path / "cache", au_options(magnifier=str(tmp_path / "weights.pt")))


def test_a_broken_picture_is_named_by_the_check_alone(tree: Path) -> None:
    with (tree / TABLE).open(newline="") as file:
        first = of(list(csv.DictReader(file)), "mmew")[0]
    path = tree / "MMEW/Micro_Expression" / first["emotion"] / first["material"] / f"{first['onset']}.jpg"
    path.write_bytes(path.read_bytes()[:100])
    bad = [line for line in FOLD.check(tree, None) if not line.ok]
    assert [line.what for line in bad] == [path.relative_to(tree).as_posix(), "clips that can be read"]


def test_numbers_outside_their_range() -> None:
    for name in ("subjects", "clips", "size", "frames", "motion", "drift", "shake", "noise", "still"):
        with pytest.raises(ConfigError, match=f"'{name}' is -1"):
            Small(**{name: -1})  # type: ignore[arg-type]


def test_a_box_at_a_site_needs_its_own_folder_and_rows_alone(
    tree: Path, au_tree: Path, tmp_path: Path, au_options: Any
) -> None:
    for entry in tree.iterdir():
        if entry.is_dir() and entry.name != "CASME":
            shutil.rmtree(entry)
    rewrite(tree, lambda rows: rows.__setitem__(slice(None), of(rows, "casme")))
    own = FOLD.open_train(tree, "casme", tmp_path / "own", au_options())
    usual = FOLD.open_train(au_tree, "casme", tmp_path / "usual", au_options())
    for mine, theirs in zip(own.inputs[np.arange(4)], usual.inputs[np.arange(4)], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(own.labels, usual.labels)
