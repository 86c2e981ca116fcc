"""Entities: institutions that share nobody, with all their cameras."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_equivalences import final

from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.files import load_state
from isofed.protocols.declared import declare
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.tasks import TASKS
from isofed.tasks.reid.layouts.groups import FOLDERS, Pictures

pytestmark = pytest.mark.usefixtures("kept_reports")

NAME, SITES = "regdb_llcm_to_sysu", ("regdb", "llcm")
LAYOUT = TASKS["reid"].layouts[NAME]
OPTIONS = {
    "height": 32,
    "width": 16,
    "padding": 2,
    "batch_identities": 4,
    "batch_images": 2,
    "stem": 4,
    "stage2": 4,
    "stage3": 8,
    "dimensions": 8,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree of three small data sets."""
    path = tmp_path_factory.mktemp("entities") / "data"
    LAYOUT.make(path, 0, Pictures(8, 4, 2, 32, 16), map, None)
    return path


def cfg_of(root: Path, strategy: dict[str, Any], level: str = "entity", rounds: int = 2) -> dict[str, Any]:
    found = LAYOUT.resolve(root, TASKS["reid"].options(**OPTIONS))
    return {
        "run": "test",
        "seed": 3,
        "rounds": rounds,
        "evaluate_every": 0,
        "layout": NAME,
        "task": {"name": "reid", **OPTIONS, **found},
        "protocol": {"name": level, "min_images": 2},
        "strategy": strategy,
    }


def federation(root: Path, folder: Path, strategy: dict[str, Any]) -> Federation:
    return Federation("test", cfg_of(root, strategy), SITES, root, folder / "homes", folder / "run")


@pytest.mark.slow
def test_an_identitys_global_centre_is_its_own_clients(root: Path, tmp_path: Path) -> None:
    """EI with the bank active, under the mean over those who sent a centre."""
    made = federation(root, tmp_path, {"name": "dppt", "k": 2})
    run(made, Pool(1))
    table = final(made).tables["centres"]
    sizes = [int(block) for block in cfg_of(root, {"name": "dppt"})["task"]["blocks"].split("+")]
    ends = np.cumsum([0, *sizes])
    for number, site in enumerate(SITES):
        _, stored = load_state(made.memory(site) / "2.1.state", "the last version")
        own, counts = np.asarray(stored["r/centres/values"]), np.asarray(stored["r/centres/counts"])
        block = slice(ends[number], ends[number + 1])
        assert counts[block].any() and counts.sum() == counts[block].sum()
        assert np.array_equal(table.values[block], own[block])
        assert np.array_equal(table.counts[block] > 0, counts[block] > 0)
    assert table.counts.max() == 1


def test_over_nobody_no_entity_hears_of_another(root: Path, tmp_path: Path) -> None:
    made = federation(root, tmp_path, {"name": "dppt", "k": 2, "over": "nobody", "loss": "mixed"})
    run(made, Pool(1))
    table = final(made).tables["centres"]
    assert table.counts.any() and not table.values.any()


def heard(folder: Path, action: Any) -> set[str]:
    """Return what of ``folder`` is opened while something is done, by the first part of its path."""
    paths: list[Path] = []
    listening = True

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        wanted = listening and event in ("open", "os.listdir", "os.scandir")
        if wanted and isinstance(arguments[0], str | bytes | Path):
            paths.append(Path(os.path.realpath(os.fsdecode(arguments[0]))))

    sys.addaudithook(hear)  # there is no way to remove it
    try:
        action()
    finally:
        listening = False
    return {path.relative_to(folder).parts[0] for path in paths if folder in path.parents}


@pytest.mark.parametrize("site", SITES)
def test_an_entitys_client_looks_into_no_other_folder(site: str, root: Path, tmp_path: Path) -> None:
    shop = Workshop.of(json.dumps(cfg_of(root, {"name": "fedavg"})))
    place = Place(site, root, tmp_path / "home", tmp_path / "memory", "entity", 2)
    # the declaration beside all of the data is the one thing that it may look for outside
    assert heard(root, lambda: shop.samples(place)) == {FOLDERS[site], "isofed-level.txt"}


def test_another_entitys_declaration_binds_that_entity_alone(root: Path, tmp_path: Path) -> None:
    declare(root / FOLDERS["llcm"], "camera")
    try:
        for level, site, refused in (
            ("entity", "llcm", True),
            ("entity", "regdb", False),
            ("sharing", "pooled", True),
        ):
            shop = Workshop.of(json.dumps(cfg_of(root, {"name": "fedavg"}, level)))
            place = Place(site, root, tmp_path / level / site, tmp_path / "memory", level, 2)
            if not refused:
                assert len(shop.samples(place))
                continue
            with pytest.raises(CompositionError, match=f"declared for protocol 'camera', but .* '{level}'"):
                shop.samples(place)
    finally:
        (root / FOLDERS["llcm"] / "isofed-level.txt").unlink()


def test_one_trainer_of_all_knows_the_sensors_and_an_entity_does_not(root: Path, tmp_path: Path) -> None:
    for level, site, known in (("sharing", "pooled", True), ("entity", "regdb", False)):
        shop = Workshop.of(json.dumps(cfg_of(root, {"name": "fedavg"}, level)))
        samples = shop.samples(Place(site, root, tmp_path / site, tmp_path / "memory", level, 2))
        assert (samples.domains is not None) == known


def test_a_group_has_no_cameras(root: Path) -> None:
    with pytest.raises(CompositionError, match="has no clients under protocol 'camera'; use one of: entity"):
        Workshop.of(json.dumps(cfg_of(root, {"name": "fedavg"}, "camera")))
