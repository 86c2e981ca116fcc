"""A level declared beside data: written, read, and refused by plan, site and command."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isofed import __main__ as command
from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError, ConfigError, DataError
from isofed.protocols.declared import FILE, declare, declared, refuse
from isofed.protocols.levels import LEVELS, STRICTNESS
from isofed.simulations.command import composed
from isofed.simulations.plan import make_plan
from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_declared_is_read(level: str, tmp_path: Path) -> None:
    declare(tmp_path, level)
    assert declared(tmp_path) == level
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    declare(tmp_path, "camera")  # the owner may change his mind
    assert declared(tmp_path) == "camera"


def test_where_nothing_is_declared_nothing_is_asked(tmp_path: Path) -> None:
    assert declared(tmp_path) is None and declared(tmp_path / "missing") is None
    (tmp_path / "file").write_text("")
    assert declared(tmp_path / "file") is None
    for level in LEVELS:
        refuse(level, None)


def test_every_level_has_a_place_in_the_order() -> None:
    assert set(STRICTNESS) == set(LEVELS) and len(STRICTNESS) == len(LEVELS)


@pytest.mark.parametrize("asked", LEVELS)
@pytest.mark.parametrize("level", LEVELS)
def test_data_are_used_under_their_level_or_a_stricter_one(level: str, asked: str) -> None:
    if STRICTNESS.index(level) >= STRICTNESS.index(asked):
        refuse(level, asked)
        return
    with pytest.raises(CompositionError) as error:
        refuse(level, asked)
    assert str(error.value) == (
        f"the data are declared for protocol '{asked}', but the run's protocol is '{level}', which is "
        f"weaker; write protocol={asked}, or ask the owner of the data to declare another level"
    )


@pytest.mark.parametrize("text", [b"", b"cameras\n", b"camera entity", b"\xff\xfe", b"camera\n" * 2])
def test_a_declaration_that_cannot_be_understood_allows_nothing(text: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(text)
    with pytest.raises(DataError, match="beside the data names no privacy level; expected one of") as error:
        declared(tmp_path)
    assert str(tmp_path) not in str(error.value)


def test_a_declaration_that_cannot_be_opened_allows_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(DataError, match="names no privacy level"):
        declared(tmp_path)


def test_what_cannot_be_declared_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown level 'cammera'; did you mean 'camera'"):
        declare(tmp_path, "cammera")
    with pytest.raises(DataError, match="is not a folder; name the one that holds the data"):
        declare(tmp_path / "missing", "camera")
    (tmp_path / FILE).mkdir()
    with pytest.raises(DataError, match=r"cannot be written \("):
        declare(tmp_path, "camera")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_command_writes_it_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["declare", "camera_strict", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / FILE}: camera_strict\n"
    assert declared(tmp_path) == "camera_strict"
    for words in (["declare"], ["declare", "--help"]):
        assert command.main(words) == 0
        said = capsys.readouterr().out
        assert "isofed declare LEVEL DIR" in said and all(level in said for level in LEVELS)


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["camera"], "isofed declare takes a level and a folder"),
        (["camera", "{}", "more"], "isofed declare takes a level and a folder"),
        (["strict", "{}"], "unknown level 'strict'"),
        (["{}", "camera"], "unknown level '"),
        (["camera", "{}/missing"], "is not a folder"),
    ],
)
def test_the_command_refuses_in_a_sentence(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = command.main(["declare", *(word.replace("{}", str(tmp_path)) for word in words)])
    said = capsys.readouterr()
    assert code == 2 and said.out == ""
    assert said.err.startswith("isofed: ") and said.err.count("\n") == 1 and sentence in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small tree that is declared for strict cameras."""
    root = tmp_path_factory.mktemp("declared") / "data"
    generate(root, 0, SyntheticSysu(16, 2, 2, 0.5, 32, 16))
    declare(root, "camera_strict")
    return root


def shop(level: str) -> Workshop:
    """Return a site's workshop, for which no plan was asked."""
    cfg = {
        "run": "test",
        "seed": 0,
        "rounds": 1,
        "evaluate_every": 0,
        "layout": "sysu",
        "task": {"name": "reid", "classes": 16, "height": 32, "width": 16, "batch_identities": 4},
        "protocol": {"name": level},
        "strategy": {"name": "fedavg"},
    }
    return Workshop.of(json.dumps(cfg))


def test_the_site_itself_refuses_whatever_the_plan_says(tree: Path, tmp_path: Path) -> None:
    for level, site in (("camera", "cam1"), ("entity", "sysu"), ("sharing", "pooled")):
        place = Place(site, tree, tmp_path / level, tmp_path / "memory", level, 2, simulated=0)
        with pytest.raises(CompositionError, match=f"the run's protocol is '{level}', which is weaker"):
            shop(level).samples(place)
        assert not (tmp_path / level).exists()
    strict = Place("cam1", tree, tmp_path / "strict", tmp_path / "memory", "camera_strict", 2, simulated=0)
    assert len(shop("camera_strict").samples(strict))


def test_the_evaluator_refuses_as_well(tree: Path, tmp_path: Path) -> None:
    place = Place("evaluator", tree, tmp_path / "home", tmp_path / "memory", "camera", 2, simulated=0)
    with pytest.raises(CompositionError, match="which is weaker"):
        shop("camera").test_data(place)
    assert not (tmp_path / "home").exists()
    assert len(shop("camera_strict").test_data(place).query)


def test_a_site_looks_beside_its_own_data_alone(tmp_path: Path) -> None:
    asked: list[tuple[Path, str | None]] = []

    def folders(root: Path, site: str | None) -> tuple[Path, ...]:
        asked.append((root, site))
        return (root / "here",)

    (tmp_path / "here").mkdir()
    declare(tmp_path / "here", "camera_strict")
    opened = shop("camera")
    layout = replace(opened.setting.task.layouts["sysu"], folders=folders)
    task: Any = SimpleNamespace(layouts={"sysu": layout})
    mine = Workshop(replace(opened.setting, task=task))
    with pytest.raises(CompositionError, match="which is weaker"):
        mine.samples(Place("cam1", tmp_path, tmp_path / "home", tmp_path / "m", "camera", 2))
    assert asked == [(tmp_path, "cam1")]


def test_a_camera_declares_for_its_own_data(tmp_path: Path) -> None:
    root = tmp_path / "data"
    generate(root, 0, SyntheticSysu(16, 2, 2, 0.5, 32, 16))
    declare(root / "cam3", "camera_strict")
    opened = shop("camera")

    def place(site: str) -> Place:
        return Place(site, root, tmp_path / site, tmp_path / "memory", "camera", 2, simulated=0)

    with pytest.raises(CompositionError, match="which is weaker"):
        opened.samples(place("cam3"))
    assert len(opened.samples(place("cam1")))
    cfg = composed([f"data.root={root}", "task.height=32", "task.width=16"])
    with pytest.raises(CompositionError, match="declared for protocol 'camera_strict'"):
        make_plan(cfg, tmp_path / "run")
