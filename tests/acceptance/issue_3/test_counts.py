"""counts.py run, and shown numbers that are not as published."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import counts
import pytest
from published import GROUPS, TABLES, Client, Table

from isofed.tasks import TASKS
from isofed.tasks.reid.layouts.groups import Pictures
from isofed.tasks.reid.layouts.llcm.make import SyntheticLlcm, generate

TABLE = Table(
    clients=tuple(Client("both", 8, 32, 32, round(1 / 9, 5)) for _ in range(9)),
    classes=8,
    query=2 * 8 * 2,
    gallery=2 * 9,
    draws=10,
    batch=(4, 2),
)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the tree of LLCM be a small one."""

    def write(folder: Path, name: str) -> Path:
        options = SyntheticLlcm(identities=8, test_identities=2, images=2, height=32, width=16)
        generate(folder / name, 0, options)
        return folder / name

    monkeypatch.setattr(counts, "write", write)
    monkeypatch.setattr(counts, "TABLES", {"llcm": TABLE})
    return tmp_path


def test_numbers_as_published_are_accepted(small: Path, capsys: Any) -> None:
    assert list(counts.count(small, ["llcm"])) == []
    printed = capsys.readouterr().out
    assert "cam9     both          8      32       32  0.11111" in printed


def test_every_other_number_is_named(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = (replace(TABLE.clients[0], modality="visible", images=31), *TABLE.clients[1:])
    monkeypatch.setitem(counts.TABLES, "llcm", replace(TABLE, clients=clients, query=None, gallery=17))
    assert list(counts.count(small, ["llcm", "mars"])) == [
        "FAILS: llcm: gallery 18, expected 17",
        "FAILS: llcm, cam1: modality both, expected visible",
        "FAILS: llcm, cam1: images 32, expected 31",
        "FAILS: mars: there is no such layout",
    ]


def test_a_group_is_counted_through_its_own_layout(tmp_path: Path, capsys: Any) -> None:
    layout = TASKS["reid"].layouts[GROUPS[0].name]
    layout.make(tmp_path / "all", 0, Pictures(8, 2, 9, 32, 16), map, None)
    found = list(counts.one_group(tmp_path / "all", GROUPS[0]))
    assert "FAILS: regdb_llcm_to_sysu, llcm: rows (8, 15), expected (206, 918)" in found
    assert "FAILS: regdb_llcm_to_sysu: head 16, expected 919" in found
    assert "pooled: head 16," in capsys.readouterr().out


def test_the_published_tables_add_up() -> None:
    for name, images, counted in (("sysu", 34167, 33920), ("regdb", 4120, 4096), ("llcm", 30921, 30720)):
        clients = TABLES[name].clients
        assert sum(client.images or 0 for client in clients) == images
        assert sum(client.counted or 0 for client in clients) == counted
        assert sum(client.weight or 0 for client in clients) == pytest.approx(1, abs=1e-4)
    for group in GROUPS:
        assert group.head == sum(TABLES[name].classes for name in group.entities)
        images = sum(client.images or 0 for name in group.entities for client in TABLES[name].clients)
        assert group.visible + group.infrared == images == sum(e.images for e in group.entities.values())
        assert group.name in TASKS["reid"].layouts


@pytest.mark.slow
@pytest.mark.parametrize("name", ["regdb", pytest.param("llcm", marks=pytest.mark.long)])
def test_the_loaders_count_as_published(name: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["counts.py", "--layouts", name])
    code, said = counts.main(), capsys.readouterr().out
    assert code == 0, said
    assert said.splitlines()[-1] == "accepted"
