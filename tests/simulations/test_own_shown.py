"""What the sites measured, in the summary, the closing table, the report, TensorBoard and a comparison."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isofed.server.own import together
from isofed.simulations import command
from isofed.simulations.compare.own import LOWEST, at_sites, names, place, words
from isofed.simulations.own import described, final, measured, note, told
from isofed.simulations.report import write_report
from isofed.simulations.selection import reported
from isofed.simulations.simulate import simulate
from isofed.simulations.summary import table
from isofed.simulations.tensorboard import _measured

SITES = ("cam1", "cam2")
WORDS = "own people, unseen images, same camera"
NOTE = "not measured: sites keep a part of the model; write holdout=0.2 to measure at the sites"


def own(*levels: float) -> dict[str, Any]:
    """What two sites measured."""
    return together({s: {"own_R1": v, "own_accuracy": v / 2} for s, v in zip(SITES, levels, strict=True)})


def entry(round: int, *levels: float, **more: Any) -> dict[str, Any]:
    return {"round": round, "metrics": {"own": own(*levels), **more}}


def ends(alone: bool = True) -> dict[str, Any]:
    """A federation's first and last round, and each site's alone."""
    found = {"federated": (entry(0, 0.1, 0.1), entry(2, 0.6, 0.4))}
    if alone:
        for site, level in zip(SITES, (0.5, 0.3), strict=True):
            last = {"own": together({site: {"own_R1": level, "own_accuracy": level / 2}})}
            found[f"alone/{site}"] = ({"round": 0, "metrics": last}, {"round": 2, "metrics": last})
    return found


def summary(alone: bool = True, **about: Any) -> dict[str, Any]:
    metrics = {"untrained": {}, "alone": {}, "federated": {}} | measured(ends(alone))
    return {"metrics": metrics, "spread": {}, "evaluation": {"own": WORDS, **about}}


def setting(holdout: float, evaluable: bool = False, personal: Any = None, task_own: Any = None) -> Any:
    task = SimpleNamespace(own=task_own or SimpleNamespace(words=WORDS))
    recipe = SimpleNamespace(personal=personal)
    return SimpleNamespace(holdout=holdout, evaluable=evaluable, recipe=recipe, task=task)


def test_the_summary_has_each_models_sites() -> None:
    found = measured(ends())["own"]
    assert found == {"untrained": own(0.1, 0.1), "alone": own(0.5, 0.3), "federated": own(0.6, 0.4)}
    assert found["federated"]["lowest"]["own_R1"] == 0.4
    assert final(summary()["metrics"]) == {"own_R1": 0.5, "own_accuracy": 0.25}


def test_without_own_measures_the_summary_is_as_it_was() -> None:
    plain = {"round": 1, "metrics": {"mean": {"R1": 0.5}}}
    none = {"round": 1, "metrics": None}
    assert measured({"federated": (none, plain)}) == {}
    assert final({"federated": {"R1": 0.5}}) == {"R1": 0.5}


def test_the_closing_table_shows_every_site_alone_and_federated() -> None:
    lines = told(summary())
    assert lines[0] == f"\nper cent of {WORDS}"
    heads = ["own_R1 alone", "own_R1 federated", "own_accuracy alone", "own_accuracy federated"]
    assert re.split(r"\s{2,}", lines[1]) == ["at the sites", *heads]
    rows = {re.split(r"\s{2,}", line)[0]: re.split(r"\s{2,}", line)[1:] for line in lines[3:]}
    assert rows == {
        "cam1": ["50.0", "60.0", "25.0", "30.0"],
        "cam2": ["30.0", "40.0", "15.0", "20.0"],
        "mean of sites": ["40.0", "50.0", "20.0", "25.0"],
        "lowest of sites": ["30.0", "40.0", "15.0", "20.0"],
    }
    assert "own_R1 alone" not in told(summary(alone=False))[1]


def test_where_nothing_is_measured_one_line_says_what_to_write() -> None:
    bare = {"untrained": {}, "alone": {}, "federated": {}}
    found = table({"metrics": bare, "spread": bare, "evaluation": described(setting(0.0))})
    assert found.splitlines()[-1] == NOTE and found.count("holdout") == 1
    page = {"metrics": bare, "evaluation": described(setting(0.0))}
    assert note(setting(0.0)) == NOTE and page["evaluation"] == {"note": NOTE}


def test_who_needs_no_note_gets_none() -> None:
    assert note(setting(0.2)) is None and note(setting(0.0, evaluable=True)) is None
    assert "holdout=0.2" in (note(setting(0.0, evaluable=True, personal=object())) or "")
    assert described(setting(0.2)) == {"own": WORDS, "holdout": 0.2}
    assert told({"metrics": {}, "evaluation": {}}) == []


def test_what_sites_measure_chooses_no_round() -> None:
    best = entry(1, 0.9, 0.9), entry(2, 0.1, 0.1)
    assert reported([entry(0, 0.0, 0.0), *best], on_test=True) is best[1]


def test_the_report_shows_sites_side_by_side(tmp_path: Path) -> None:
    history = {"rounds": [{"round": n, "own": own(0.1 * n, 0.2 * n), "loss": {}} for n in range(3)]}
    page = write_report(tmp_path, summary(), history, None).read_text()
    assert "At the sites" in page and WORDS in page and "lowest of all sites" in page
    for shown in ("cam1 alone", "cam1 federated", "+10.0", "own_R1 at the sites by round"):
        assert shown in page, shown
    assert "Gallery draws" not in page


def test_long_names_of_sites_are_not_cut(tmp_path: Path) -> None:
    found = summary(alone=False)
    whole = found["metrics"]["own"]["federated"]
    whole["sites"] = {"hitsz_vcm_entity": whole["sites"]["cam1"]}
    page = write_report(tmp_path, found, {"rounds": []}, None).read_text()
    assert ">hitsz_vcm_entity federated</text>" in page


def test_the_report_says_what_to_write_where_nothing_is_measured(tmp_path: Path) -> None:
    bare = {"metrics": {"untrained": {}, "alone": {}, "federated": {}}, "evaluation": {"note": NOTE}}
    page = write_report(tmp_path, bare, {"rounds": []}, None).read_text()
    assert "write holdout=0.2 to measure at the sites." in page
    silent = write_report(tmp_path, {**bare, "evaluation": {}}, {"rounds": []}, None).read_text()
    assert "At the sites" not in silent


def test_tensorboard_has_mean_lowest_and_every_site() -> None:
    assert _measured({"own": own(0.6, 0.4)}) == {
        **{"own/own_R1/mean": 0.5, "own/own_R1/lowest": 0.4, "own/own_R1/cam1": 0.6, "own/own_R1/cam2": 0.4},
        **{"own/own_accuracy/mean": 0.25, "own/own_accuracy/lowest": 0.2},
        **{"own/own_accuracy/cam1": 0.3, "own/own_accuracy/cam2": 0.2},
    }
    both = _measured({"own": own(0.6, 0.4), "mean": {"R1": 0.5}, "spread": {"R1": 0.1}})
    assert both["metrics/R1"] == 0.5 and both["draws/R1/deviation"] == 0.1 and both["own/own_R1/mean"] == 0.5


def test_a_comparison_has_means_and_lowest() -> None:
    found = at_sites(summary())
    assert found == pytest.approx(
        {"own_R1": 0.5, "own_accuracy": 0.25, f"own_R1{LOWEST}": 0.4, f"own_accuracy{LOWEST}": 0.2}
    )
    listed = names([summary(), {}])
    assert listed == ("own_R1", "own_accuracy", f"own_R1{LOWEST}", f"own_accuracy{LOWEST}")
    assert place("R1", listed) == ("metrics", "mean", "R1")
    assert place("own_R1", listed) == ("metrics", "own", "mean", "own_R1")
    assert place(f"own_R1{LOWEST}", listed) == ("metrics", "own", "lowest", "own_R1")
    assert WORDS in words([summary()]) and words([{}]) == ""


@pytest.mark.slow
def test_a_run_whose_sites_keep_a_part_ends_with_their_measures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make = ("identities=16", "test_identities=4", "images=4", "height=32", "width=16")
    net = ("stem=4", "stage2=4", "stage3=8", "dimensions=8", "height=32", "width=16")
    batch = ("batch_identities=4", "batch_images=2")
    words = ["strategy=fedbn", "holdout=0.25", "rounds=1", "engine.workers=1", "progress=false"]
    words += [*(f"data.make.{word}" for word in make), *(f"task.{word}" for word in (*net, *batch))]
    found = simulate(command.composed(words), tmp_path / "run", words)
    sites = [f"cam{n}" for n in range(1, 7)]
    for model in ("untrained", "alone", "federated"):
        assert list(found["metrics"]["own"][model]["sites"]) == sites
    assert found["metrics"]["federated"] == {} and found["sites"]["cam1"]["held_out"] == 8
    assert found["sites"]["cam1"]["images"] == 24
    assert found["left"]["cam1"]["own measurements"] == {"kind": "statistics", "bytes": 48, "messages": 2}
    assert "lowest of sites" in capsys.readouterr().out
    assert "cam6 federated" in (tmp_path / "run" / "report.html").read_text()
