"""The server's own public data: refused unless they are public, drawn and opened only where they are used."""

import json
from pathlib import Path
from typing import Any

import pytest

from isofed.errors import CheckpointError, CompositionError, ConfigError
from isofed.protocols.declared import declare
from isofed.simulations import command
from isofed.simulations.plan import Plan, make_plan
from isofed.simulations.public import Public, draw_public, read_public
from isofed.simulations.simulate import simulate

SMALL = [
    *[
        "rounds=1",
        "evaluate_every=0",
        "alone=false",
        "tensorboard=false",
        "progress=false",
        "engine.workers=1",
    ],
    *["data.make.identities=16", "data.make.test_identities=4", "data.make.images=4", "data.make.height=32"],
    *[
        "data.make.width=16",
        "task.height=32",
        "task.width=16",
        "task.batch_identities=4",
        "task.batch_images=2",
    ],
    *["task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8"],
]
FEDDF = ("strategy=feddf", "strategy.steps=2")


def composed(*words: str) -> dict[str, Any]:
    return dict(command.composed([*SMALL, *words]))


def planned(folder: Path, *words: str) -> Plan:
    return make_plan(composed(*words), folder)


def test_the_keys_are_the_dataclass_s() -> None:
    assert composed()["public"] == {"root": None, "seed": 1}
    assert read_public({}) == Public()
    with pytest.raises(ConfigError, match=r"unknown key 'public.rot'; did you mean 'root'\?"):
        read_public({"rot": "x"})


def test_drawn_people_are_others_than_the_sites(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'public.seed' is 0, which draws the sites' own people"):
        planned(tmp_path, *FEDDF, "public.seed=0")
    # nobody draws them, so they are nobody's people
    planned(tmp_path, "strategy=fedavg", "public.seed=0")


def test_a_tree_of_data_is_not_drawn_with_a_seed(drawn: Path, tree: Path, tmp_path: Path) -> None:
    plan = planned(tmp_path, *FEDDF, f"data.root={drawn}", "public.seed=0", f"public.root={tree}")
    assert plan.federation("federated", ()).public == tree
    assert planned(tmp_path, *FEDDF, f"data.root={drawn}", "public.seed=0").federation("x", ()).public == (
        tmp_path / "public"
    )


@pytest.mark.parametrize("inside", ["", "cam1", ".."])
def test_the_sites_data_are_not_the_servers(drawn: Path, tmp_path: Path, inside: str) -> None:
    with pytest.raises(CompositionError, match=r"'public.root' holds the sites' own data"):
        planned(tmp_path, *FEDDF, f"data.root={drawn}", f"public.root={drawn / inside}")


@pytest.mark.parametrize("beside", ["", "cam3"])
def test_what_is_declared_for_a_stricter_level_is_not_public(
    drawn: Path, tree: Path, tmp_path: Path, beside: str
) -> None:
    where = [f"data.root={drawn}", f"public.root={tree}"]
    declare(tree / beside, "camera")
    with pytest.raises(CompositionError, match="declared for protocol 'camera', so they are not public"):
        planned(tmp_path, *FEDDF, *where)
    planned(tmp_path, "strategy=fedavg", *where)
    declare(tree / beside, "sharing")
    planned(tmp_path, *FEDDF, *where)


def test_a_folder_that_is_no_tree_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="SYSU"):
        planned(tmp_path, *FEDDF, f"public.root={tmp_path / 'nothing'}")


def test_a_relative_folder_is_found_from_elsewhere(
    drawn: Path, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree.parent)
    plan = planned(tmp_path, *FEDDF, f"data.root={drawn}", "public.root=tree")
    assert plan.cfg["public"] == {"root": str(tree), "seed": 1}


def test_a_run_of_before_there_was_public_data_goes_on(tmp_path: Path) -> None:
    cfg = composed()
    del cfg["public"]
    assert "public" not in make_plan(cfg, tmp_path).cfg


@pytest.mark.slow
def test_other_people_are_drawn_once_and_only_for_what_distils(tmp_path: Path) -> None:
    simulate(composed("strategy=fedavg"), tmp_path / "a", [])
    assert not (tmp_path / "a" / "public").exists() and not (tmp_path / "a" / "server").exists()
    simulate(composed(*FEDDF), tmp_path / "b", [])
    assert json.loads((tmp_path / "b" / "public.json").read_text()) == {"the server": {"images": 192}}
    pictures = [
        sorted(p.read_bytes() for p in (tmp_path / "b" / part).rglob("*.jpg")) for part in ("data", "public")
    ]
    assert pictures[0] and not set(pictures[0]) & set(pictures[1])
    seen: list[int] = []
    draw_public(Public(), None, {}, tmp_path / "b", map, lambda *_: seen.append(1))
    assert not seen


@pytest.mark.slow
def test_other_public_data_than_a_run_began_with_are_refused(tmp_path: Path) -> None:
    simulate(composed(*FEDDF), tmp_path, [])
    (tmp_path / "summary.json").unlink()
    (tmp_path / "public.json").write_text('{"the server": {"images": 5}}')
    with pytest.raises(
        CheckpointError, match="the server changed after this run began: 5 images then, 192 images"
    ):
        simulate(composed(*FEDDF), tmp_path, [])
