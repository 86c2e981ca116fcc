import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import ConfigError, DataError
from isofed.tasks import TASKS
from isofed.tasks.data_command import main
from isofed.tasks.reid.options import ReidOptions

SYSU, SIGHT = TASKS["reid"].layouts["sysu"], ReidOptions(height=32, width=16, batch_identities=2)
SMALL = ["--identities", "16", "--test-identities", "2", "--images", "2", "--height", "32", "--width", "16"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree made by the command."""
    out = tmp_path_factory.mktemp("made") / "tree"
    assert main(["make", "sysu", "--out", str(out), "--seed", "3", *SMALL]) == 0
    return out


def test_a_made_tree_passes_its_check(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "sysu", str(tree)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 10
    assert all(line.startswith("ok ") for line in lines)


def test_the_same_seed_gives_the_same_tree(tree: Path, tmp_path: Path) -> None:
    main(["make", "sysu", "--out", str(tmp_path / "a"), "--seed", "3", *SMALL])
    main(["make", "sysu", "--out", str(tmp_path / "b"), "--seed", "4", *SMALL])
    assert contents(tmp_path / "a") == contents(tree)
    assert contents(tmp_path / "b") != contents(tree)


def contents(tree: Path) -> dict[str, bytes]:
    """Return every file of a tree."""
    return {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob("*.*") if p.is_file()}


def test_a_check_names_a_damaged_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["make", "sysu", "--out", str(tmp_path / "tree"), *SMALL])
    image = next((tmp_path / "tree" / "cam5").rglob("*.jpg"))
    image.write_bytes(image.read_bytes()[:100])
    assert main(["check", "sysu", str(tmp_path / "tree")]) == 1
    bad = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BAD")]
    assert image.relative_to(tmp_path / "tree").as_posix() in bad[0]


def test_a_folder_of_somebody_else_s_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="was not made by isofed"):
        main(["make", "sysu", "--out", str(tmp_path), *SMALL])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def made(out: Path, *words: str) -> int:
    """Make a small tree by the command."""
    return main(["make", "sysu", "--out", str(out), *SMALL, *words])


def test_the_same_tree_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "tree"
    assert made(out) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    (out / "isofed-level.txt").write_text("camera\n")
    assert made(out) == 0
    assert capsys.readouterr().out.startswith(f"{out} holds exactly this already and was left as it is")
    with pytest.raises(DataError, match="declares a level, and would be lost"):
        made(out, "--overwrite", "true")
    (out / "isofed-level.txt").unlink()
    assert made(out, "--overwrite", "true") == 0
    assert capsys.readouterr().out == f"wrote {out}, in place of the same\n"


def test_a_tree_of_other_options_is_replaced_only_where_one_says_so(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tree"
    shutil.copytree(tree, out)
    before = contents(out)
    with pytest.raises(DataError, match=r"holds a tree drawn with seed 3, images 2; .* --overwrite true"):
        made(out, "--images", "1")
    with pytest.raises(DataError, match=r"holds a tree of the layout sysu; .* --overwrite true"):
        main(["make", "hkpu", "--out", str(out), "--subjects", "2", "--samples", "2"])
    assert contents(out) == before
    capsys.readouterr()
    assert made(out, "--overwrite", "true") == 0
    assert capsys.readouterr().out == f"wrote {out}, in place of a tree drawn with seed 3\n"
    assert contents(out) != before


def test_a_tree_that_does_not_say_how_it_was_made_is_not_lost(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree, tmp_path / "tree")
    mark = tmp_path / "tree" / "synthetic.json"
    told = json.loads(mark.read_text())
    assert told.pop("asked")["seed"] == 3
    mark.write_text(json.dumps(told))
    with pytest.raises(DataError, match="holds a tree that isofed made, but not with what options"):
        made(tmp_path / "tree", "--seed", "3")


def test_how_many_drew_it_makes_no_other_tree(tmp_path: Path) -> None:
    words = ["make", "fingerveinsyn", "--out", str(tmp_path / "tree"), "--fingers", "1", "--samples", "1"]
    assert main(words) == main([*words, "--workers", "2"]) == 0


def test_overwriting_never_takes_what_isofed_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="was not made by isofed"):
        made(tmp_path, "--overwrite", "true")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("out", [".", "..", "/"])
def test_the_folder_where_one_stands_is_not_replaced(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="and you stand inside it; name a folder of its own"):
        made(Path(out))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot use '.*file/tree.* \(Not a directory\)"):
        made(tmp_path / "file" / "tree")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["make"], "the layout's name is missing"),
        (["make", "sysu"], "--out DIR is missing"),
        (["make", "sysu", "--out", ""], "--out DIR is missing"),
        (["make", "sysu", "--out", "x", "--overwrite", "yes"], "'--overwrite' is 'yes', but must be true or"),
        (["make", "sysu", "--out"], "options come as --NAME VALUE"),
        (["make", "sysu", "out", "x"], "options come as --NAME VALUE"),
        (["make", "sysu", "--out", "x", "--seed", "one"], "'--seed' is 'one', but must be of type int"),
        (["make", "imigue", "--out", "x", "--odd", "no"], "'--odd' is 'no', but must be true or false"),
        (["make", "sysu", "--out", "x", "--imags", "3"], "did you mean 'images'"),
        (["make", "sysu", "--out", "x", "--images", "0"], "images is 0; expected 1 to 9999"),
        (["make", "sisu", "--out", "x"], "unknown layout 'sisu'; did you mean 'sysu'"),
        (["chek", "sysu", "x"], "unknown data command 'chek'; did you mean 'check'"),
        (["check", "sysu"], "give one folder"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=sentence):
        main(words)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        main(["check", "sysu", str(tmp_path / "nowhere")])


def test_a_tree_is_split_so_that_each_site_has_its_own_and_no_more(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "cam2" / "isofed-level.txt").write_text("camera\n")
    assert main(["split", "sysu", str(tree), str(tmp_path / "parts")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7
    (tree / "cam2" / "isofed-level.txt").unlink()
    part = tmp_path / "parts" / "cam2"
    assert sorted(path.name for path in part.iterdir()) == ["cam2", "exp"]
    assert (part / "cam2" / "isofed-level.txt").read_text() == "camera\n"
    whole, own = (SYSU.open_train(root, "cam2", tmp_path / root.name, SIGHT) for root in (tree, part))
    assert np.array_equal(whole.inputs[:], own.inputs[:]) and np.array_equal(whole.labels, own.labels)
    with pytest.raises(DataError, match="cam1 is missing"):
        SYSU.open_train(part, "cam1", tmp_path / "cache", SIGHT)
    tested = SYSU.open_test(tmp_path / "parts" / "evaluator", tmp_path / "test", SIGHT)
    shown = {path.parent.name for path in (tmp_path / "parts" / "evaluator").rglob("*.jpg")}
    assert shown == {f"{person:04d}" for person in np.unique(tested.gallery.ids)}
    assert not shown & {path.parent.name for path in part.rglob("*.jpg")}


def test_parts_are_replaced_only_where_one_says_so(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["split", "sysu", str(tree), str(tmp_path / "parts")]
    assert main(words) == 0
    assert "in place of" not in capsys.readouterr().out
    with pytest.raises(
        DataError, match=r"holds parts made alike, perhaps of another tree; .* --overwrite true"
    ):
        main(words)
    assert main([*words, "--overwrite", "true"]) == 0
    assert capsys.readouterr().out.endswith("\nin place of parts made alike\n")
    with pytest.raises(DataError, match=r"holds parts made with level camera; .* --overwrite true"):
        main([*words, "--level", "entity"])
    assert (tmp_path / "parts" / "cam1").is_dir()
    assert main([*words, "--level", "entity", "--overwrite", "true"]) == 0
    assert capsys.readouterr().out.endswith("\nin place of parts made with level camera\n")


def test_a_declaration_is_not_lost_to_parts(tree: Path, tmp_path: Path) -> None:
    words = ["split", "sysu", str(tree), str(tmp_path / "parts"), "--overwrite", "true"]
    assert main(words) == 0
    declared = tmp_path / "parts" / "cam1" / "isofed-level.txt"
    declared.write_text("camera\n")
    with pytest.raises(DataError, match=r"isofed-level\.txt' declares a level, and would be lost"):
        main(words)
    assert declared.read_text() == "camera\n" and (tmp_path / "parts" / "cam2").is_dir()
    declared.unlink()
    assert main(words) == 0


def test_a_link_to_an_earlier_tree_stays_one(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "parts").symlink_to(tmp_path / "disk" / "parts")
    words = ["split", "sysu", str(tree), str(tmp_path / "parts"), "--overwrite", "true"]
    for _ in "ab":
        assert main(words) == 0
    assert (tmp_path / "parts").is_symlink() and (tmp_path / "disk" / "parts" / "cam1").is_dir()
    assert not (tmp_path / "parts.partial").exists() and not (tmp_path / "disk" / "parts.partial").exists()


def test_a_tree_that_lies_in_what_would_be_replaced_is_not_lost(tree: Path, tmp_path: Path) -> None:
    words = ["split", "sysu", str(tree), str(tmp_path / "parts"), "--overwrite", "true"]
    assert main(words) == 0
    shutil.copytree(tree, tmp_path / "parts" / "whole")
    words[2] = str(tmp_path / "parts" / "whole")
    with pytest.raises(ConfigError, match=r"which is to be split, lies in .*; name a folder beside it"):
        main(words)
    assert contents(tmp_path / "parts" / "whole") == contents(tree)


@pytest.mark.parametrize("odd", [["x"], None, {"a": 1}, {"layout": 3}])
def test_an_earlier_tree_that_says_odd_things_of_itself_is_one_of_unknown_options(
    odd: object, tree: Path, tmp_path: Path
) -> None:
    shutil.copytree(tree, tmp_path / "tree")
    mark = json.loads((tmp_path / "tree" / "synthetic.json").read_text())
    (tmp_path / "tree" / "synthetic.json").write_text(json.dumps({**mark, "asked": odd}))
    with pytest.raises(DataError, match="but not with what options"):
        main(["make", "sysu", "--out", str(tmp_path / "tree")])


def test_a_tree_is_not_lost_to_parts(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree, tmp_path / "tree")
    whole = contents(tmp_path / "tree")
    for out in (tmp_path / "tree", tmp_path / "tree" / "parts"):
        with pytest.raises(ConfigError, match="which is to be split; name a folder beside it"):
            main(["split", "sysu", str(tmp_path / "tree"), str(out), "--overwrite", "true"])
    with pytest.raises(DataError, match=r"holds a tree drawn with seed 3, .* --overwrite true"):
        main(["split", "sysu", str(tree), str(tmp_path / "tree")])
    assert contents(tmp_path / "tree") == whole


def test_where_names_say_who_is_tested_on_the_others_are_there_empty(tmp_path: Path) -> None:
    main(["make", "hkpu", "--out", str(tmp_path / "tree"), "--subjects", "2", "--samples", "2"])
    assert main(["split", "hkpu", str(tmp_path / "tree"), str(tmp_path / "parts"), "--level", "entity"]) == 0
    sizes = {p.name: p.stat().st_size for p in (tmp_path / "parts" / "hkpu").rglob("*.bmp")}
    whole = {p.name: p.stat().st_size for p in (tmp_path / "tree").rglob("*.bmp")}
    assert 0 < sum(size > 0 for size in sizes.values()) < len(sizes) == len(whole)
    assert all(size in (0, whole[name]) for name, size in sizes.items())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sysu", "tree"], "give two folders"),
        (["sysu", "tree", "out", "--level", "camrea"], "did you mean 'camera'"),
        (["sysu", "tree", "out", "--lvel", "camera"], "unknown option 'lvel'"),
        (["sysu", "tree", "out"], "is not a folder"),
    ],
)
def test_a_split_that_cannot_be_is_told(words: list[str], sentence: str, tmp_path: Path) -> None:
    words = [str(tmp_path / word) if word in ("tree", "out") else word for word in words]
    with pytest.raises((ConfigError, DataError), match=sentence):
        main(["split", *words])
    assert not (tmp_path / "out").exists()


def test_false_is_false(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[bool] = []
    layout = TASKS["micro_gesture"].layouts["imigue"]
    monkeypatch.setattr(
        "isofed.tasks.data_command.layouts",
        lambda: {"imigue": replace(layout, make=lambda out, seed, options, *_: drawn.append(options.odd))},
    )
    for word in ("false", "true"):
        main(["make", "imigue", "--out", str(tmp_path), "--odd", word])
    assert drawn == [False, True]
