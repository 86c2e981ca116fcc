from pathlib import Path

import pytest

from isofed.tasks.traced import Trace, traced


def test_what_is_opened_and_listed_below_a_folder_is_seen(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    for folder in (root / "in", other):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("a")

    def read() -> str:
        assert [path.name for path in (root / "in").iterdir()] == ["a.txt"]
        (other / "a.txt").read_text()
        return (root / ".." / "root" / "in" / "a.txt").read_text()

    assert traced(root, read) == ("a", Trace({Path("in/a.txt")}, {Path("in")}))


def test_nothing_is_seen_afterwards_or_of_a_reader_that_fails(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(KeyError):
        traced(tmp_path, lambda: {}["a"])
    _, trace = traced(tmp_path, lambda: None)
    (tmp_path / "a.txt").read_text()
    assert trace == Trace()
