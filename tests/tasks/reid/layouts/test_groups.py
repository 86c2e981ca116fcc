"""Groups of data sets: each a client or part of one, and one more that nobody trained on."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks import TASKS
from isofed.tasks.layouts.joined import Joined
from isofed.tasks.reid.layouts.groups import FOLDERS, GROUPS, Group, Pictures
from isofed.tasks.reid.options import ReidOptions

NAME = "regdb_llcm_to_sysu"
SMALL = Pictures(identities=8, test_identities=4, images=2, height=32, width=16)
SOURCES, TARGET = ("regdb", "llcm"), "sysu"
LAYOUT = GROUPS[NAME]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree of three data sets, drawn once."""
    path = tmp_path_factory.mktemp("group") / "data"
    LAYOUT.make(path, 0, SMALL, map, None)
    return path


def options_of(root: Path) -> ReidOptions:
    plain = ReidOptions(height=32, width=16, batch_identities=4, batch_images=2)
    return replace(plain, **LAYOUT.resolve(root, plain))  # type: ignore[arg-type]


@pytest.fixture
def heard() -> Iterator[list[Path]]:
    """Return a list of all files and folders that Python opens from now on."""
    paths: list[Path] = []
    listening = True

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        wanted = listening and event in ("open", "os.listdir", "os.scandir")
        if wanted and isinstance(arguments[0], str | bytes | Path):
            paths.append(Path(os.path.realpath(os.fsdecode(arguments[0]))))

    sys.addaudithook(hear)  # there is no way to remove it
    yield paths
    listening = False


def parts_opened(root: Path, paths: list[Path]) -> set[str]:
    """Return what was opened of the tree, by the folder or file in its root."""
    return {path.relative_to(root).parts[0] for path in paths if root in path.parents}


def test_the_five_groups_of_the_papers() -> None:
    assert set(GROUPS) == {
        "regdb_llcm_to_sysu",
        "llcm_sysu_to_regdb",
        "regdb_sysu_to_llcm",
        "hitsz_vcm_to_buptcampus",
        "buptcampus_to_hitsz_vcm",
    }
    for name, layout in GROUPS.items():
        assert TASKS["reid"].layouts[name] is layout and layout.levels == ("entity", "sharing")
        sources, _, target = name.partition("_to_")
        assert target in FOLDERS and target not in sources


def test_every_data_set_lies_under_its_own_name(root: Path) -> None:
    assert {path.name for path in root.iterdir()} == {"RegDB", "LLCM", "SYSU-MM01", "synthetic.json"}
    assert json.loads((root / "synthetic.json").read_text())["layout"] == NAME
    for name in (*SOURCES, TARGET):
        layout = TASKS["reid"].layouts[name]
        assert all(line.ok for line in layout.check(root / FOLDERS[name], None))


def test_sites_are_the_sources(root: Path) -> None:
    assert [site.name for site in LAYOUT.sites(root, "entity")] == list(SOURCES)
    (pooled,) = LAYOUT.sites(root, "sharing")
    assert pooled.name == "pooled" and pooled.facts["place"] == "regdb and llcm"


def test_blocks_of_the_head_follow_one_another_and_are_disjoint(root: Path) -> None:
    options = options_of(root)
    sizes = [int(block) for block in options.blocks.split("+")]
    assert len(sizes) == 2 and options.classes == sum(sizes)
    start = 0
    for name, size in zip(SOURCES, sizes, strict=True):
        layout = TASKS["reid"].layouts[name]
        assert layout.resolve(root / FOLDERS[name], options)["classes"] == size
        labels = LAYOUT.open_train(root, name, root.parent / "homes" / name, options).labels
        assert set(labels.tolist()) == set(range(start, start + size)) and labels.dtype == np.int64
        start += size


def test_a_sources_samples_are_its_own_layouts_moved_into_its_block(root: Path) -> None:
    options = options_of(root)
    start = 0
    for name, size in zip(SOURCES, options.blocks.split("+"), strict=True):
        own = (
            TASKS["reid"]
            .layouts[name]
            .open_train(root / FOLDERS[name], name, root.parent / "own" / name, options)
        )
        found = LAYOUT.open_train(root, name, root.parent / "homes" / name, options)
        rows = np.arange(len(own))
        assert np.array_equal(found.inputs[rows], own.inputs[rows])
        assert np.array_equal(found.labels, own.labels + start)
        assert np.array_equal(found.domains, own.domains)
        start += int(size)


def test_one_trainer_holds_all_with_the_sensors_known(root: Path) -> None:
    options = options_of(root)
    pooled = LAYOUT.open_train(root, "pooled", root.parent / "homes" / "pooled", options)
    each = [LAYOUT.open_train(root, name, root.parent / "homes" / name, options) for name in SOURCES]
    assert isinstance(pooled.inputs, Joined)
    assert len(pooled) == len(pooled.labels) == len(pooled.domains) == sum(map(len, each))
    rows = np.arange(len(pooled))[::3]
    whole = np.concatenate([one.inputs[np.arange(len(one))] for one in each])
    assert np.array_equal(pooled.inputs[rows], whole[rows])
    assert np.array_equal(pooled.labels, np.concatenate([one.labels for one in each]))
    assert np.array_equal(pooled.domains, np.concatenate([one.domains for one in each]))
    assert set(pooled.domains.tolist()) == {0, 1}


@pytest.mark.parametrize("site", SOURCES)
def test_an_entity_opens_its_own_folder_alone(
    site: str, root: Path, tmp_path: Path, heard: list[Path]
) -> None:
    options = options_of(root)
    heard.clear()
    LAYOUT.open_train(root, site, tmp_path / "cache", options)
    assert parts_opened(root, heard) == {FOLDERS[site]}


@pytest.mark.parametrize("site", SOURCES)
def test_an_entity_trains_where_no_other_folder_is(site: str, root: Path, tmp_path: Path) -> None:
    options = options_of(root)
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / FOLDERS[site]).symlink_to(root / FOLDERS[site])
    assert len(LAYOUT.open_train(alone, site, tmp_path / "cache", options))
    other = next(name for name in SOURCES if name != site)
    with pytest.raises(DataError) as error:
        LAYOUT.open_train(alone, other, tmp_path / "other", options)
    assert str(alone) not in str(error.value)


def test_nobody_else_has_a_place_in_a_group(root: Path, tmp_path: Path) -> None:
    for site in ("cam1", "sysu", "evaluator"):
        with pytest.raises(DataError, match="entities are regdb, llcm, but the site is none of them"):
            LAYOUT.open_train(root, site, tmp_path, options_of(root))


def test_the_target_is_tested_and_nothing_else_opened(root: Path, tmp_path: Path, heard: list[Path]) -> None:
    options = options_of(root)
    heard.clear()
    test = LAYOUT.open_test(root, tmp_path / "cache", options)
    assert parts_opened(root, heard) == {"SYSU-MM01"}
    own = TASKS["reid"].layouts[TARGET].open_test(root / "SYSU-MM01", tmp_path / "own", options)
    assert np.array_equal(test.query.ids, own.query.ids) and len(test.gallery) == len(own.gallery)


def test_findings_say_of_which_data_set_they_are(root: Path) -> None:
    findings = LAYOUT.check(root, None)
    assert all(finding.ok for finding in findings)
    begun = {finding.what.partition(": ")[0] for finding in findings}
    assert begun == {"RegDB", "LLCM", "SYSU-MM01"}


def test_a_level_is_declared_beside_all_or_beside_one(root: Path) -> None:
    regdb, llcm, sysu = (root / FOLDERS[name] for name in ("regdb", "llcm", "sysu"))
    sides = (regdb, regdb / "Visible", regdb / "Thermal")
    cameras = tuple(sysu / f"cam{number}" for number in range(1, 7))
    assert LAYOUT.folders(root, None) == (root, *sides, llcm, sysu, *cameras)
    assert LAYOUT.folders(root, "regdb") == (root, *sides)
    assert LAYOUT.folders(root, "llcm") == (root, llcm)
    assert LAYOUT.folders(root, "pooled") == (root, *sides, llcm)
    alone = TASKS["reid"].layouts["regdb"].folders
    assert alone(regdb, "cam2") == (regdb, regdb / "Thermal") and alone(regdb, None) == sides


def test_a_source_with_splits_is_its_first_whatever_split_is_tested(root: Path, tmp_path: Path) -> None:
    options = options_of(root)
    found = [
        LAYOUT.open_train(root, "regdb", tmp_path / str(split), replace(options, split=split))
        for split in (1, 7)
    ]
    rows = np.arange(len(found[0]))
    assert np.array_equal(found[0].inputs[rows], found[1].inputs[rows])
    assert np.array_equal(found[0].labels, found[1].labels)


@pytest.mark.slow
@pytest.mark.parametrize("part", [1, 2, 3])
def test_a_group_is_drawn_whole_or_not_at_all(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drawing that ends in any of the data sets leaves what was there before, and the next one succeeds."""
    out = tmp_path / "data"
    count = [0]
    made = [TASKS["reid"].layouts[name] for name in (*SOURCES, TARGET)]

    def failing(make: Any) -> Any:
        def draw(*arguments: Any) -> None:
            count[0] += 1
            if count[0] == part:
                raise KeyboardInterrupt
            make(*arguments)

        return draw

    *sources, target = (replace(layout, make=failing(layout.make)) for layout in made)
    group = Group(tuple(sources), target)
    with pytest.raises(KeyboardInterrupt):
        group.make(out, 0, SMALL)
    assert not out.exists()
    group.make(out, 0, SMALL)
    assert {path.name for path in out.iterdir()} == {"RegDB", "LLCM", "SYSU-MM01", "synthetic.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_was_not_made_here_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "photos").write_text("mine")
    with pytest.raises(DataError, match="was not made by isofed"):
        LAYOUT.make(tmp_path / "data", 0, SMALL, map, None)
    assert (tmp_path / "data" / "photos").read_text() == "mine"
