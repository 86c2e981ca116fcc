import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from isofed.errors import DataError
from isofed.tasks.layouts import checking
from isofed.tasks.layouts.tree import MARK
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
