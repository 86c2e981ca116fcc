"""The controls against runs and arithmetic made without them, in a configuration of seconds."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.simulations import alongside
from isofed.simulations.command import _composing, _plain
from isofed.simulations.controls import announce, text
from isofed.simulations.controls.compare import Outcome, pair, row, verdicts
from isofed.simulations.controls.listed import CONTROLS, Scene, equal_epochs, with_option
from isofed.simulations.controls.runs import planned
from isofed.simulations.federation import Federation, load_result, run
from isofed.simulations.plan import FEDERATED, Plan, make_plan
from isofed.simulations.pool import Pool
from isofed.simulations.progress import Progress
from isofed.simulations.report.page import page
from isofed.simulations.simulate import resume, simulate

SEED, ROUNDS = 5, 1
TINY = (
    *(f"seed={SEED}", f"rounds={ROUNDS}", "controls=full", "alone=false"),
    *("engine.workers=1", "tensorboard=false", "progress=false"),
    *("data.make.identities=12", "data.make.test_identities=4", "data.make.images=4"),
    *("data.make.height=32", "data.make.width=16", "task.height=32", "task.width=16"),
    *("task.batch_identities=4", "task.batch_images=2", "task.stem=4", "task.stage2=4"),
    *("task.stage3=8", "task.dimensions=8"),
)
CAMERAS = tuple(f"cam{n}" for n in range(1, 7))
ALONE = tuple(f"{camera} alone, equal steps" for camera in CAMERAS)


def composed(*more: str) -> dict[str, Any]:
    import hydra

    with _composing():
        return dict(_plain(hydra.compose("simulate", [*TINY, *more])))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with its controls."""
    place = tmp_path_factory.mktemp("run")
    simulate(composed(), place, [])
    return place


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "summary.json").read_text())["controls"])


@pytest.fixture(scope="module")
def plan(folder: Path) -> Plan:
    cfg = json.loads((folder / "config.json").read_text())
    del cfg["overrides"]
    cfg["task"]["classes"] = 12
    return make_plan(cfg, folder)


def rows(found: dict[str, Any]) -> dict[str, Any]:
    return {r["name"]: r for r in found["rows"]}


def final(result: dict[str, Any]) -> Any:
    return result["history"][-1]["metrics"]["mean"]


def steps(result: dict[str, Any]) -> int:
    return sum(sum(entry.get("steps", {}).values()) for entry in result["history"])


@pytest.mark.slow
def test_every_control_has_its_row(found: dict[str, Any]) -> None:
    ablated = ("without bank", "without channel augmentation")
    assert [r["name"] for r in found["rows"]] == [
        *(FEDERATED, *ablated, "pooled", *ALONE, "shuffled labels", "raw pixels", "random features")
    ]
    seeds = {name: r["seeds"] for name, r in rows(found).items()}
    assert [name for name in seeds if seeds[name] == 3] == [FEDERATED, *ablated]
    assert [name for name in seeds if seeds[name] is None] == ["raw pixels", "random features"]
    for r in found["rows"]:
        assert r["spread_over"] == ("seeds" if r["seeds"] == 3 else "gallery draws")
        assert 0 <= r["mAP"]["mean"] <= 1 and r["mAP"]["spread"] >= 0
    assert [p["shows"] for p in found["pairs"]] == ["the bank", "channel augmentation"]
    assert len(found["verdicts"]) == 5


@pytest.mark.slow
def test_the_run_itself_is_the_first_seed(folder: Path, found: dict[str, Any]) -> None:
    main = json.loads((folder / "summary.json").read_text())["metrics"]["federated"]
    assert rows(found)[FEDERATED]["mAP"]["each"][0] == main["mAP"]
    assert sorted(p.name for p in (folder / "controls" / FEDERATED).iterdir()) == ["seed6", "seed7"]


CHANGES: dict[str, tuple[int, dict[str, dict[str, Any]]]] = {
    FEDERATED: (2, {}),
    "without bank": (1, {"strategy": {"lam": 0.0}}),
    "without channel augmentation": (0, {"task": {"channel_augmentation": 0.0}}),
    "shuffled labels": (0, {"task": {"labels": "shuffled"}}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_a_control_is_what_a_user_would_run(
    name: str, plan: Plan, found: dict[str, Any], tmp_path: Path
) -> None:
    offset, changes = CHANGES[name]
    groups = {group: {**plan.cfg[group], **values} for group, values in changes.items()}
    own = plan.federation("own", CAMERAS, **groups, seed=SEED + offset)
    # a bank without weight and no bank are the same: lam = 0 equals FedAvg
    result = run(replace(own, folder=tmp_path), Pool(1))
    measured = rows(found)[name]["mAP"]
    assert measured.get("each", [measured["mean"]])[offset] == final(result)["mAP"]
    assert rows(found)[name]["steps"] == steps(result)


@pytest.mark.slow
def test_pooled_holds_all_images(plan: Plan, found: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    entry = load_result(Federation("", {}, (), folder, folder, folder / "controls/pooled/seed5"))["history"]
    each = load_result(plan.federation(FEDERATED, CAMERAS))["history"][-1]["examples"]
    assert entry[-1]["examples"] == {"pooled": sum(each.values())}
    cfg = composed("protocol=sharing", "strategy=fedavg", "controls=none")
    own = simulate({**cfg, "data": {**cfg["data"], "root": str(folder / "data")}}, tmp_path, [])
    assert own["metrics"]["federated"]["mAP"] == rows(found)["pooled"]["mAP"]["mean"]


@pytest.mark.slow
def test_alone_takes_the_steps_of_all(plan: Plan, found: dict[str, Any]) -> None:
    history = load_result(plan.federation(FEDERATED, CAMERAS))["history"]
    total = sum(sum(entry.get("steps", {}).values()) for entry in history)
    for camera, name in zip(CAMERAS, ALONE, strict=True):
        own = sum(entry.get("steps", {}).get(camera, 0) for entry in history)
        assert total <= rows(found)[name]["steps"] < total + own


@given(
    st.integers(1, 5),
    st.integers(1, 9),
    st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 10_000), min_size=1, max_size=9),
)
def test_equal_epochs_are_the_fewest_that_suffice(epochs: int, rounds: int, per: dict[str, int]) -> None:
    taken = {site: steps * epochs * rounds for site, steps in per.items()}
    for site, count in equal_epochs(epochs, taken).items():
        assert (count - 1) * per[site] * rounds < sum(taken.values()) <= count * per[site] * rounds


def test_without_steps_epochs_are_as_many_as_sites() -> None:
    assert equal_epochs(2, {"a": 0, "b": 0, "c": 0}) == {"a": 6, "b": 6, "c": 6}


OUTCOMES = st.dictionaries(st.integers(0, 6), st.floats(0, 1), min_size=1)


def outcomes(levels: dict[int, float]) -> dict[int, Outcome]:
    return {seed: Outcome({"mAP": v, "R1": v / 2}, {"mAP": 0.25, "R1": 0.5}, 7) for seed, v in levels.items()}


@given(OUTCOMES, OUTCOMES, st.randoms())
def test_pairs_are_differences_within_a_seed(
    full: dict[int, float], less: dict[int, float], mix: Any
) -> None:
    less = {seed: less.get(seed, 0.5) for seed in full}
    shuffled = dict(mix.sample(list(less.items()), len(less)))
    got = pair("it", "without", outcomes(full), outcomes(shuffled))
    differences = [full[seed] - less[seed] for seed in sorted(full)]
    assert got["difference_mAP"]["each"] == differences
    assert got["difference_mAP"]["mean"] == pytest.approx(mean(differences))
    assert got["difference_R1"]["mean"] == pytest.approx(mean(differences) / 2)
    expected = stdev(differences) if len(differences) > 1 else 0.0
    assert got["difference_mAP"]["spread"] == pytest.approx(expected)
    assert got["difference_mAP"]["seeds"] == len(full)


def test_a_row_says_what_its_spread_is_over() -> None:
    one, three = outcomes({0: 0.5}), outcomes({0: 0.2, 1: 0.4, 2: 0.9})
    single = row("a", "what", one)
    assert (single["mAP"], single["spread_over"]) == ({"mean": 0.5, "spread": 0.25}, "gallery draws")
    several = row("a", "what", three)
    assert several["spread_over"] == "seeds"
    assert several["mAP"]["spread"] == pytest.approx(stdev([0.2, 0.4, 0.9]))


def judged(**level: float) -> dict[str, bool]:
    named = [{"name": name.replace("_", " "), "mAP": {"mean": v}} for name, v in level.items()]
    named += [{"name": "cam2 alone, equal steps", "mAP": {"mean": 0.3}}]
    each = {"difference_mAP": {"mean": 0.0, "spread": 0.0, "each": [0.1, -0.1]}}
    return {v["claim"].split(",")[0]: v["holds"] for v in verdicts(named, [{"shows": "the bank", **each}])}


def test_verdicts_go_both_ways() -> None:
    good = judged(federated=0.4, raw_pixels=0.19, random_features=0.1, shuffled_labels=0.12)
    bad = judged(federated=0.3, raw_pixels=0.15, random_features=0.1, shuffled_labels=0.13)
    assert list(good.values()) == [True, True, True, False]
    assert list(bad.values()) == [False, False, False, False]
    assert list(judged(raw_pixels=0.1)) == []
    assert list(judged(federated=0.4)) == [
        "the federation beats each site alone with as many steps",
        "the bank helps with every seed",
    ]


@pytest.mark.slow
def test_resume_runs_only_what_is_missing(
    folder: Path, found: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "summary.json").unlink()
    shutil.rmtree(copy / "controls/without-bank/seed6")
    (copy / "controls/pooled/seed5/result.json").unlink()
    ran: list[str] = []
    monkeypatch.setattr(alongside, "run", lambda f, *rest: (ran.append(f.name), run(f, *rest))[1])
    assert resume(copy)["controls"] == found
    assert ran == ["controls/without-bank/seed6", "controls/pooled/seed5"]


@pytest.mark.slow
def test_progress_ends_where_it_was_announced(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = replace(plan, folder=tmp_path)
    progress = Progress(0, enabled=False)
    announce(replace(fresh, data=replace(plan.data, root=str(plan.root))), CAMERAS, progress)
    # 2 further seeds, 2 x 3 ablations, pooled, 6 alone, shuffled: each as long as the federation
    assert progress.total == 16 * ROUNDS * len(CAMERAS)
    spoken = Progress(0, enabled=False)
    announce(plan, CAMERAS, spoken)
    assert spoken.total == 0


@pytest.mark.slow
def test_all_units_are_counted(folder: Path, tmp_path: Path) -> None:
    cfg = composed()
    cfg["data"]["root"] = str(folder / "data")
    counted: list[Progress] = []
    with pytest.MonkeyPatch.context() as patch:
        kept = lambda *a, **k: counted.append(Progress(*a, **k)) or counted[0]  # noqa: E731
        patch.setattr("isofed.simulations.simulate.Progress", kept)
        simulate(cfg, tmp_path, [])
    assert counted[0].done == counted[0].total == 17 * ROUNDS * len(CAMERAS)


def names(plan: Plan, sites: tuple[str, ...] = CAMERAS) -> list[str]:
    return list(dict.fromkeys(r.row for r in planned(Scene(plan, sites, dict.fromkeys(sites, 1)))))


@pytest.mark.slow
def test_what_makes_no_sense_is_left_out(plan: Plan) -> None:
    cfg = {**plan.cfg, "strategy": {"name": "fedavg"}}
    cfg["task"] = {**plan.cfg["task"], "channel_augmentation": 0.0}
    bare = make_plan(cfg, plan.folder)
    assert names(bare) == [FEDERATED, "pooled", *ALONE, "shuffled labels"]
    single = make_plan({**cfg, "protocol": {"name": "sharing", "min_images": 2}}, plan.folder)
    assert names(single, ("pooled",)) == [FEDERATED, "shuffled labels"]
    assert with_option("no_such_option", 1)(Scene(plan, CAMERAS, {})) == ()


@pytest.mark.slow
def test_runs_have_folders_of_their_own(plan: Plan) -> None:
    runs = list(planned(Scene(plan, CAMERAS, dict.fromkeys(CAMERAS, 1))))
    folders = [r.federation.folder.relative_to(plan.folder).as_posix() for r in runs]
    assert len(set(folders)) == len(runs) == 17
    assert "controls/cam3-alone-equal-steps/seed5" in folders
    assert len({c.name for c in CONTROLS}) == len(CONTROLS)


@pytest.mark.slow
def test_the_text_and_the_report_show_everything(found: dict[str, Any]) -> None:
    shown = text(found)
    assert all(r["name"] in shown for r in found["rows"])
    assert shown.count("holds ") + shown.count("FAILS ") == 5
    verdict = {"claim": "<b>claim</b>", "holds": False, "found": "1 < 2"}
    html = page({"controls": {**found, "verdicts": [verdict]}}, {"rounds": []}, None)
    assert "&lt;b&gt;claim" in html and "<b>claim" not in html
    assert "gallery draws" in html and ">no<" in html


@pytest.mark.slow
def test_the_pooled_trainer_of_strict_cameras_numbers_people_in_common(folder: Path, tmp_path: Path) -> None:
    words = ("protocol=camera_strict", "strategy=fedavg", f"data.root={folder / 'data'}")
    plan = make_plan(composed(*words), tmp_path)
    (pooled,) = (control for control in CONTROLS if control.name == "pooled")
    (variant,) = pooled.variants(Scene(plan, CAMERAS, {}))
    assert plan.cfg["task"]["classes"] == 0 and variant.changes["task"]["classes"] == 12
    assert variant.changes["protocol"]["name"] == "sharing"
