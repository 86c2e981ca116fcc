from pathlib import Path

import pytest

from isofed.errors import ConfigError, DataError
from isofed.tasks.data_command import main

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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["make"], "the layout's name is missing"),
        (["make", "sysu"], "--out DIR is missing"),
        (["make", "sysu", "--out"], "options come as --NAME VALUE"),
        (["make", "sysu", "out", "x"], "options come as --NAME VALUE"),
        (["make", "sysu", "--out", "x", "--seed", "one"], "'--seed' is 'one', but must be of type int"),
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
