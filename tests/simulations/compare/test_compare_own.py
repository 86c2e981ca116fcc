"""Runs whose benchmark cannot be measured, beside those whose can."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isofed.server.own import together
from isofed.simulations.compare.table import Comparison
from isofed.simulations.compare.write import NUMBERS, PAGE, compare, text

Made = Callable[..., Path]
WORDS = "own people, unseen images, same camera"


def own(level: float) -> dict[str, Any]:
    return together({"cam1": {"own_R1": level}, "cam2": {"own_R1": level + 0.2}})


@pytest.fixture
def both(make: Made) -> tuple[Path, Path]:
    """Return a run with a whole model, and one whose sites keep a part of it; both held samples out."""
    folders = []
    for name, level, whole in (("fedavg", 0.3, True), ("fedbn", 0.5, False)):
        folder = make(name, strategy={"name": name}, holdout=0.2)
        summary = json.loads((folder / "summary.json").read_text())
        if not whole:
            summary["metrics"] = {"untrained": {}, "federated": {}}
        summary["metrics"]["own"] = {"untrained": own(0.1), "alone": {}, "federated": own(level)}
        summary["evaluation"]["own"] = WORDS
        (folder / "summary.json").write_text(json.dumps(summary))
        result = json.loads((folder / "result.json").read_text())
        for entry in result["history"]:
            entry["metrics"] = {**(entry["metrics"] if whole else {}), "own": own(level * entry["round"] / 2)}
        (folder / "result.json").write_text(json.dumps(result))
        folders.append(folder)
    return folders[0], folders[1]


def compared(folders: tuple[Path, ...], out: Path) -> tuple[Comparison, str, Any]:
    found = compare(folders, out)
    return found, (out / PAGE).read_text(), json.loads((out / NUMBERS).read_text())


def test_rows_without_the_benchmark_have_the_sites_measures(both: tuple[Path, Path], tmp_path: Path) -> None:
    found, page, numbers = compared(both, tmp_path / "out")
    assert found.measures == ("R1", "mAP", "own_R1", "own_R1, lowest site")
    assert found.headlines == ("mAP", "R1", "own_R1")
    fedavg, fedbn = found.rows
    assert set(fedbn.metrics) == {"own_R1", "own_R1, lowest site"} and set(fedavg.metrics) == {
        *found.measures
    }
    assert fedbn.metrics["own_R1"].mean == pytest.approx(0.6)
    assert fedbn.metrics["own_R1, lowest site"].mean == pytest.approx(0.5)
    assert fedbn.untrained["own_R1"].mean == pytest.approx(0.2)
    difference = numbers["settings"][1]["difference_to_first"]
    assert difference["own_R1"]["mean"] == pytest.approx(0.2) and difference["mAP"] is None
    curve = numbers["settings"][1]["curves"]["own_R1, lowest site"]
    assert [(n, mean) for n, mean, _ in curve] == [(0, 0.0), (1, 0.25), (2, 0.5)]
    assert WORDS in page and "own_R1 of the federated model by round" in page
    assert "Not measured: mAP, R1 of strategy=fedbn. " in page
    legends = [len(re.findall(f'<li data-series="{place}"', page)) for place in (0, 1)]
    assert legends == [4, 2]  # a curve that is not there has no key: fedbn has own_R1 and the loss
    assert "60.0" in text(found) and "own_R1, lowest site" in text(found)


def test_the_benchmark_alone_is_drawn_where_all_have_it(both: tuple[Path, Path], tmp_path: Path) -> None:
    found, page, _ = compared(both[:1], tmp_path / "out")
    assert found.headlines == ("mAP", "R1") and "own_R1" in page


def test_where_nobody_has_the_benchmark_the_sites_stand_at_the_top(
    both: tuple[Path, Path], tmp_path: Path
) -> None:
    found, page, _ = compared(both[1:], tmp_path / "out")
    assert found.headlines[0] == "own_R1" and "own_R1, per cent" in page


def test_another_holdout_is_another_test(make: Made, tmp_path: Path) -> None:
    _, page, _ = compared((make("a", holdout=0.2), make("b", holdout=0.1)), tmp_path / "out")
    assert "The settings are not measured on the same test: they differ in holdout." in page
