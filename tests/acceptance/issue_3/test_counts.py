"""counts.py run as a person would run it, and shown numbers that are not as published."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import counts
import opened
import pytest
from published import GROUPS, TABLES, Client, Table

from isofed.tasks import TASKS
from isofed.tasks.reid.layouts.llcm.make import SyntheticLlcm

HERE = Path(__file__).parent
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
    """Let the tree of every layout be a small one of LLCM."""

    def write(folder: Path, name: str, table: Table) -> opened.Opened:
        layout = TASKS["reid"].layouts["llcm"]
        options = SyntheticLlcm(identities=8, test_identities=2, images=2, height=32, width=16)
        layout.make(folder / name, 0, options, map, None)
        return opened.Opened(folder / name, folder / "cache" / name, layout, opened.setting("llcm", table))

    monkeypatch.setattr(counts, "write", write)
    monkeypatch.setattr(counts, "TABLES", {"llcm": TABLE, "regdb": TABLE})
    group = replace(GROUPS[0], head=16, weights=("0.5", "0.500"), visible=288, infrared=288)
    monkeypatch.setattr(counts, "GROUPS", (group,))
    return tmp_path


def test_numbers_as_published_are_accepted(small: Path, capsys: Any) -> None:
    assert list(counts.count(small, ["llcm", "regdb"])) == []
    printed = capsys.readouterr().out
    assert "cam9     both          8      32       32  0.11111" in printed
    assert "head 16, pool 288 visible + 288 infrared" in printed


def test_every_other_number_is_named(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = (replace(TABLE.clients[0], modality="visible", images=31), *TABLE.clients[1:])
    monkeypatch.setitem(counts.TABLES, "llcm", replace(TABLE, clients=clients, query=None, gallery=17))
    monkeypatch.setattr(counts, "GROUPS", [replace(g, weights=("0.4", "0.6")) for g in counts.GROUPS])
    assert list(counts.count(small, ["llcm", "regdb", "mars"])) == [
        "FAILS: llcm: gallery 18, expected 17",
        "FAILS: llcm, cam1: modality both, expected visible",
        "FAILS: llcm, cam1: images 32, expected 31",
        "FAILS: mars: there is no such layout",
        "FAILS: regdb + llcm -> sysu: weights ('0.5', '0.5'), expected ('0.4', '0.6')",
    ]


def test_the_published_tables_add_up() -> None:
    for name, images, counted in (("sysu", 34167, 33920), ("regdb", 4120, 4096), ("llcm", 30921, 30720)):
        clients = TABLES[name].clients
        assert sum(client.images or 0 for client in clients) == images
        assert sum(client.counted or 0 for client in clients) == counted
        assert sum(client.weight or 0 for client in clients) == pytest.approx(1, abs=1e-4)
    for group in GROUPS:
        assert group.head == sum(TABLES[name].classes for name in group.clients)
        images = sum(client.images or 0 for name in group.clients for client in TABLES[name].clients)
        assert group.visible + group.infrared == images


@pytest.mark.slow
def test_the_loaders_count_llcm_as_published() -> None:
    command = [sys.executable, str(HERE / "counts.py"), "--layouts", "llcm"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "accepted"
