"""The finger vein experiment: its arithmetic on made results, and all of it in a tiny form."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isofed.errors import CheckpointError
from isofed.simulations.experiments.tables import expected
from isofed.simulations.experiments.vein import found, told
from isofed.simulations.experiments.vein import run as runs
from isofed.simulations.experiments.vein.options import VeinExperiment
from isofed.simulations.experiments.vein.page import page
from isofed.simulations.experiments.vein.plans import LOCAL, PRETRAINED, SCRATCH, STARTS, WAYS, Arm
from isofed.simulations.experiments.vein.scores import asks, together
from isofed.simulations.experiments.vein.written import written
from isofed.simulations.federation import Federation

TINY = VeinExperiment(
    **{"fingers": 8, "images": 2, "epochs": 1, "sensors": "usm_like+sdumla_like", "unseen": "vera_like"},
    **{"site_fingers": 8, "site_images": 2, "few_fingers": 4, "few_images": 2, "rounds": 2, "seeds": 2},
    **{"backbone": "tiny", "height": 16, "width": 48, "workers": 1},
)
SITES = ("a", "b")
BEFORE = "pretraining"
SEEDS = (0, 1)


def arm(start: str, way: str, seed: int, site: str = "") -> Arm:
    name = f"{start} {way} {seed} {site}"
    return Arm(start, way, seed, Federation(name, {}, SITES, *[Path()] * 3), site)


def arms() -> list[Arm]:
    return [
        arm(start, way, seed, site)
        for start in STARTS
        for way in WAYS
        for seed in SEEDS
        for site in (SITES if way == LOCAL else ("",))
    ]


def results(eer: dict[tuple[str, str], float]) -> dict[str, Any]:
    """Return results whose EER at site a is as given, a hundredth more with seed 1, twice as much at b."""

    def history(level: float) -> dict[str, Any]:
        at = {"at a": {"EER": level}, "at b": {"EER": 2 * level}, "at unseen-c": {"EER": 3 * level}}
        entry = {"round": 1, "loss": {"a": 1.0, "b": 3.0}, "metrics": at}
        return {"history": [{"round": 0, "metrics": {n: {"EER": 0.5} for n in at}}, entry]}

    made = {a.federation.name: history(eer[a.start, a.way] + 0.01 * a.seed) for a in arms()}
    return made | {BEFORE: history(0.0)}


def gathered(**better: float) -> dict[str, Any]:
    eer = {(start, way): 0.10 for start in STARTS for way in WAYS}
    eer |= {(PRETRAINED, way): value for way, value in better.items()}
    return found.gathered(arms(), BEFORE, results(eer))


def whole(**better: float) -> dict[str, Any]:
    return {
        **gathered(**better),
        **{"seconds": 125.0, "workers": 2, "options": vars(VeinExperiment(seeds=2)), "scores": {}},
    }


def test_rows_are_means_over_sites_of_each_seed() -> None:
    rows = {row["name"]: row for row in gathered()["rows"]}
    alone = rows[found.NAMES[SCRATCH, LOCAL]]
    assert alone["seen"]["EER"]["each"] == pytest.approx([0.15, 0.165])
    assert alone["unseen"]["EER"]["each"] == pytest.approx([0.30, 0.33])
    assert alone["sensors"]["b"]["EER"]["mean"] == pytest.approx(0.21)
    assert alone["sensors"]["unseen-c"] == {"EER": alone["unseen"]["EER"]}
    assert rows[found.ZERO]["seen"]["EER"]["each"] == [0.5, 0.5]
    assert "TAR@1e-2" not in alone["seen"]


def test_gains_are_absolute_and_relative() -> None:
    numbers = gathered(local=0.06)
    gain = next(d for d in numbers["differences"] if d["what"] == "pretraining, each site alone")
    assert gain["absolute"]["each"] == pytest.approx([0.06, 0.06])
    assert gain["relative"] == pytest.approx(0.06 / 0.1575)
    assert numbers["losses"]["pretraining"] == [[1, 2.0]]


@pytest.mark.parametrize(
    ("local", "federated", "words"),
    [(0.02, 0.01, ["HOLDS", "HOLDS", "FAILS"]), (0.08, 0.09, ["FAILS", "FAILS", "FAILS"])],
)
def test_what_does_not_hold_is_said(local: float, federated: float, words: list[str]) -> None:
    numbers = whole(local=local, federated=federated)
    lines = list(expected(numbers))
    assert [line.split(":")[0] for line in lines] == words
    assert all(line in told.text(numbers) for line in lines)
    assert all(f"{word}: " in page(numbers) for word in words)
    assert all(f"* {line}" in written(numbers) for line in lines)


def test_a_mean_without_its_interval_is_told_apart() -> None:
    differences = gathered(local=0.02)["differences"]
    for d in differences:
        d["absolute"] = {"mean": 0.06, "half": 0.02, "each": [0.05, 0.07]}
    assert [v["shown"] for v in found.verdicts(differences)] == [False, True, True]


def test_markdown_has_the_command_every_row_and_every_gain() -> None:
    numbers = whole(local=0.02)
    text = written(numbers)
    assert text.startswith("    isofed experiment vein seeds=2\n")
    assert "2 seeds, 2 min 05 s in all, worker processes: 2." in text
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert [len(lines) - 2 for lines in tables] == [7, len(told.compared(numbers)), 7]
    assert all(len({line.count("|") for line in lines}) == 1 for lines in tables)
    assert "| EER, per cent | a | b | unseen-c |" in text
    assert "| from scratch, each site alone | 10.5 ± 6.4 | 21.0 ± 12.7 | 31.5 ± 19.1 |" in text


def curve(level: float, count: int) -> dict[str, Any]:
    heaps = {"edges": [-1.0, 0.0, 1.0], "genuine": [0, count], "impostor": [count, 0]}
    return {**heaps, "far": [0.01, 0.1], "frr": [level, level / 2], "threshold": 0.0}


def test_error_rates_are_averaged_at_a_far_and_counts_added() -> None:
    found = together(
        ["a", "a", "b"],
        [
            {"x": curve(0.2, 3), "unseen-c": curve(0.0, 1)},
            {"x": {**curve(0.4, 5), "far": [0.1, 0.2], "frr": [0.4, 0.3]}},
            {"x": curve(0.1, 2), "d": curve(0.1, 2)},
        ],
    )
    assert list(found) == ["d", "x", "unseen-c"] and list(found["x"]) == ["a", "b"]
    both = found["x"]["a"]
    assert (both["genuine"], both["impostor"]) == ([0, 8], [8, 0])
    # the one FAR that both have
    assert (both["far"], both["frr"]) == ([0.1], [pytest.approx(0.25)])


def test_every_model_is_measured_and_a_site_alone_at_its_own_sensor() -> None:
    wanted = list(asks(arms()))
    assert [ask.row for ask in wanted].count(found.ZERO) == 2
    assert {ask.site for ask in wanted if "alone" in ask.row} == set(SITES)
    assert {ask.site for ask in wanted if "alone" not in ask.row} == {""}


@pytest.mark.slow
def test_the_whole_in_a_tiny_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = runs.run(TINY, tmp_path)
    assert [len(row["seen"]["EER"]["each"]) for row in first["rows"]] == [2] * 7
    assert first["sites"] == ["sdumla_like", "usm_like"] and len(first["verdicts"]) == 3
    shown = (tmp_path / "experiment.html").read_text()
    assert "http" not in shown.replace("http-equiv", "") and shown.count("Other histograms") == 3
    assert list(first["scores"]) == first["sensors"] == ["sdumla_like", "usm_like", "unseen-vera_like"]
    for curves in first["scores"].values():
        assert set(curves) == {row["name"] for row in first["rows"]}
        # 4 fingers with 2 pictures each, all pairs, two seeds
        assert {sum(each["genuine"]) for each in curves.values()} <= {2 * 4, 2 * 2 * 4}
    assert shown.count('<svg class="chart lines"') == 2 + 3
    assert len(list(tmp_path.rglob("*.ckpt"))) == 1 + 2 * 2 * 4

    # a run that is missing is done again, and nothing else; the numbers are the same
    lost = tmp_path / "seed1" / "pretrained" / "local" / "usm_like" / "result.json"
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("result.json") if path != lost}
    lost.unlink()
    again = runs.run(TINY, tmp_path)
    assert (
        {**again, "seconds": 0}
        == {**first, "seconds": 0}
        == {
            **json.loads((tmp_path / "experiment.json").read_text()),
            "seconds": 0,
        }
    )
    assert {path: path.stat().st_mtime_ns for path in kept} == kept

    with pytest.raises(CheckpointError, match="other options"):
        runs.run(replace(TINY, rounds=3), tmp_path)
