import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.reid.layouts import checking
from isofed.tasks.reid.layouts.images import ImageFile
from isofed.tasks.reid.layouts.tree import MARK, encode
from isofed.tasks.task import Finding


def _parse(expected: Mapping[str, Any]) -> int:
    return int(expected["persons"])


def test_equal_counts_are_well_and_others_are_not() -> None:
    findings = checking.compare([("a", 1, 1), ("b", 1, 2)])
    assert findings == [Finding("a", "1", "1", True), Finding("b", "1", "2", False)]


def test_a_tree_that_opens_is_as_expected_and_another_says_why() -> None:
    def refuse() -> None:
        raise DataError("nothing there")

    assert checking.looked_at(lambda: 1, "a folder") == Finding("layout", "a folder", "a folder", True)
    assert checking.looked_at(refuse, "a folder") == Finding("layout", "nothing there", "a folder", False)


def test_a_mark_stands_above_the_published_counts(tmp_path: Path) -> None:
    assert checking.expected_counts(tmp_path, 412, _parse) == 412
    (tmp_path / MARK).write_text(json.dumps({"expected": {"persons": 3}}))
    assert checking.expected_counts(tmp_path, 412, _parse) == 3


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"expected": 3}', '{"expected": {"persons": "x"}}'])
def test_a_damaged_mark_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MARK).write_text(text)
    with pytest.raises(DataError, match="cannot be read; expected the counts"):
        checking.expected_counts(tmp_path, 412, _parse)


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "PNG"])
def test_images_that_cannot_be_read_are_named_and_counted(tmp_path: Path, kind: str) -> None:
    whole = encode(np.random.default_rng(0).integers(0, 256, (1, 16, 8, 3), np.uint8), kind)[0]
    for name, data in (("a", whole), ("b", whole[: len(whole) // 2]), ("c", b"")):
        (tmp_path / name).write_bytes(data)
    calls: list[tuple[int, int]] = []
    files = [ImageFile(tmp_path / name, 1, 1) for name in "abcd"]  # there is no d
    findings = checking.integrity(tmp_path, files, kind, lambda done, total: calls.append((done, total)))
    assert findings[:-1] == [
        Finding(name, "cannot be read", f"a whole {kind} image", False) for name in "bcd"
    ]
    assert findings[-1] == Finding("images that can be read", "1 of 4", "all", False)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_no_image_at_all_is_not_well(tmp_path: Path) -> None:
    assert not checking.integrity(tmp_path, [])[-1].ok
