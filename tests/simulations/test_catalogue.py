import json

import pytest

from isofed.protocols.levels import LEVELS
from isofed.simulations.catalogue import LISTS, main
from isofed.strategies.named import STRATEGIES
from isofed.strategies.stock import PREFIX, flowers
from isofed.tasks import TASKS


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what the command prints."""
    assert main(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tasks", sorted(TASKS)),
        ("strategies", sorted({**STRATEGIES, **flowers()})),
        ("protocols", sorted(LEVELS)),
        ("engines", ["deployed", "local", "ray"]),
        ("layouts", sorted(name for task in TASKS.values() for name in task.layouts)),
    ],
)
def test_a_list_as_json_holds_names_in_lower_case(
    capsys: pytest.CaptureFixture[str], name: str, expected: list[str]
) -> None:
    found = json.loads(shown(capsys, name, "--json"))
    assert found == expected
    assert all(each == each.lower() for each in found if not each.startswith(PREFIX))  # Flower's own spelling
    assert json.loads(shown(capsys, "--json", name)) == found


def test_all_lists_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(shown(capsys, "--json"))
    assert set(found) == set(LISTS)
    assert found["tasks"] == sorted(TASKS)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_for_people_says_what_each_name_is(capsys: pytest.CaptureFixture[str], name: str) -> None:
    lines = shown(capsys, name).splitlines()
    names = json.loads(shown(capsys, name, "--json"))
    rows = [line.split(maxsplit=1) for line in lines if line.strip()]
    assert [row[0] for row in rows] == names
    assert all(len(row) == 2 and len(row[1]) > 5 for row in rows)


def test_a_summary_has_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies"]) == 0
    said = capsys.readouterr().out
    assert "fedadam with a second moment that only grows" in said and ":func:" not in said and "`" not in said
