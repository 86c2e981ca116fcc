"""A drawn copy of the six databases: what the readers find in it, and for whom; the cache."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.tasks.action_units.labels import KEYS, Clip, parse, read_table
from isofed.tasks.action_units.layouts import store
from isofed.tasks.action_units.layouts.databases import DATABASES, frames, number
from isofed.tasks.action_units.layouts.layout import LAYOUTS
from isofed.tasks.action_units.layouts.listing import beside, left_to_test, trained
from isofed.tasks.action_units.layouts.owners import open_train

pytest.importorskip("cv2", reason="flow needs isofed[flow]")
FOLD = LAYOUTS["cd6me_to_samm"]


def test_there_is_a_layout_for_every_database_left_out(au_tree: Path) -> None:
    assert list(LAYOUTS) == [f"cd6me_to_{key}" for key in KEYS] and tuple(DATABASES) == KEYS
    for key, layout in zip(KEYS, LAYOUTS.values(), strict=True):
        for level in ("camera", "entity"):
            names = [site.name for site in layout.sites(au_tree, level)]  # type: ignore[union-attr]
            assert names == [name for name in KEYS if name != key]
        assert len(layout.sites(au_tree, "sharing")) == 1
        assert layout.resolve(au_tree, None) == {"classes": 12}
        own = trained(au_tree, key, [name for name in KEYS if name != key])
        assert (len(own), len(left_to_test(au_tree, key))) == (20, 4)
        assert len(set(own.subjects.tolist())) == 10
    assert FOLD.folders(au_tree, "casme") == (au_tree, au_tree / "CASME")
    assert len(FOLD.folders(au_tree, None)) == 7 and len(FOLD.folders(au_tree, "pooled")) == 6


def test_what_a_site_and_the_evaluator_open(au_tree: Path, au_options: Any, tmp_path: Path) -> None:
    found = FOLD.open_train(au_tree, "casme", tmp_path / "casme", au_options())
    seen, moved = found.inputs[np.array([2, 0])]
    assert seen.shape == (2, 3, 64, 64) and moved.shape == (2, 64, 16, 16)
    assert seen.dtype == moved.dtype == np.float16 and found.labels.shape == (4,)
    assert seen.min() >= 0 and seen.max() == 1 and moved.min() >= 0 and moved.max() > 0
    part = found.take(np.array([3, 2])).take(np.array([1]))
    np.testing.assert_array_equal(part.inputs[np.array([0])][1][0], moved[0])
    assert part.inputs.scenes.tolist() == [1] and found.inputs.scenes.tolist() == [0, 0, 1, 1]
    assert set(found.domains.tolist()) == {0}
    tested = FOLD.open_test(au_tree, tmp_path / "test", au_options())
    assert len(tested) == 4 and set(tested.databases.tolist()) == {KEYS.index("samm")}
    assert len(tested.take(np.array([1])).inputs) == 1
    table = [clip for clip in read_table(au_tree / "cross_dataset_seq.csv") if clip.database == "samm"]
    assert tested.labels.tolist() == [clip.label for clip in table]
    assert all(parse(clip.text) == (clip.units, ()) for clip in table)


def test_the_pool_holds_what_the_sites_hold(au_tree: Path, au_options: Any, tmp_path: Path) -> None:
    pool = FOLD.open_train(au_tree, "pooled", tmp_path / "pool", au_options(workers=3))
    every = np.arange(4)
    for place, key in enumerate(key for key in KEYS if key != "samm"):
        own = FOLD.open_train(au_tree, key, tmp_path / key, au_options())
        for mine, theirs in zip(own.inputs[every], pool.inputs[every + 4 * place], strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert own.labels.tolist() == pool.labels[4 * place : 4 * place + 4].tolist()


def test_what_is_remembered_of_a_database_serves_every_fold(
    au_tree: Path, au_options: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*given: Any) -> int:
        made: list[int] = []
        inner = store.computed
        with monkeypatch.context() as patch:
            patch.setattr(store, "computed", lambda *a, **k: (made.append(1), inner(*a, **k))[1])
            LAYOUTS[given[0]].open_train(au_tree, "pooled", tmp_path / "pool", au_options(size=32))
            LAYOUTS[given[0]].open_test(au_tree, tmp_path / "test", au_options(size=32))
        return len(made)

    assert opened("cd6me_to_samm") == 24  # a test has another second frame, so that nothing is shared with it
    assert opened("cd6me_to_mmew") == 4 + 4
    assert opened("cd6me_to_samm") == opened("cd6me_to_mmew") == 0


def test_without_amplification_nothing_is_computed_and_nothing_differs(
    au_tree: Path, au_options: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips, still = trained(au_tree, "samm", ["casme"]), au_options(size=32, amplification=1.0)
    found = store.opened(clips, None, still)
    shape, kind = found.latents.shape, found.latents.dtype
    assert (shape, kind) == ((4, 64, 8, 8), np.float16) and not found.latents.any() and found.flow.any()
    made = store.frozen.magnifier()
    frames_of = [
        store._signed(store.read(path, still)) for path in (clips.shots[0].onset, clips.shots[0].apex)
    ]
    both = store.latents(made, *frames_of, frames_of[1], 1.0)
    assert not store.pooled(both).any()


def test_the_cache_is_keyed_by_what_changes_it(
    au_tree: Path, au_options: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    inner = store.computed
    monkeypatch.setattr(store, "computed", lambda *a, **k: (made.append(1), inner(*a, **k))[1])

    def opens(**changes: Any) -> int:
        made.clear()
        FOLD.open_train(au_tree, "mmew", tmp_path / "cache", au_options(**({"size": 32} | changes)))
        return len(made)

    assert opens() == 4 and opens() == 0 and opens(workers=2) == 0
    for changes in (
        {"size": 64},
        {"margin": 0.1},
        {"flow": "dis"},
        {"strain": "meb"},
        {"scaling": "fixed"},
        {"amplification": 4.0},
        {"near": "apex"},
    ):
        assert opens(**changes) == 4, changes
    assert opens() == 4
    index = json.loads((tmp_path / "cache" / "index.json").read_text())
    assert not any("mmew" in str(value).lower() for value in index.values())
    (tmp_path / "cache" / "latents.npy").write_bytes(b"cut")
    assert opens() == 4
    monkeypatch.setattr(store.frozen, "digest", lambda found: "another")
    assert opens() == 4


def test_progress_and_memory(au_tree: Path, au_options: Any, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    kept = open_train(
        au_tree, "casme", tmp_path, "samm", au_options(), lambda done, total: told.append((done, total))
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    held = store.opened(trained(au_tree, "samm", ["casme"]), None, au_options())
    for mine, theirs in zip(kept.inputs[np.arange(4)], held[np.arange(4)], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_trees_repeat_whatever_draws_them(au_tree: Path, au_small: Any, tmp_path: Path) -> None:
    def backwards(function: Any, plans: list[Any]) -> Any:
        return reversed([function(plan) for plan in reversed(plans)])

    FOLD.make(tmp_path / "again", 3, au_small, backwards, None)
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (au_tree, tmp_path / "again")
    )
    assert first == second


def test_a_drawn_tree_passes_its_check(au_tree: Path) -> None:
    told: list[int] = []
    lines = FOLD.check(au_tree, lambda done, total: told.append(done))
    assert all(line.ok for line in lines) and told[-1] == 24
    assert sum("clips in cross" in line.what for line in lines) == 6


def clip(onset: int, apex: int, offset: int) -> Clip:
    return Clip("casme", "01", "a", onset, apex, offset, "", "x", frozenset())


@pytest.mark.parametrize(
    ("made", "near", "found"),
    [
        (clip(10, 20, 39), "end", {23}),
        (clip(10, 20, 39), "apex", {20}),
        (clip(10, 20, 39), "drawn", {17, 18, 19, 21, 22, 23}),
        (clip(10, 20, 21), "end", {21}),
        (clip(10, 20, 20), "end", {20}),  # nothing after the apex
        (clip(10, 11, 11), "drawn", {11}),  # nothing but the apex
        (clip(10, 10, 12), "drawn", {11}),  # it is never the onset
    ],
)
def test_the_second_frame_near_the_apex(made: Clip, near: str, found: set[int]) -> None:
    place = beside(made, range(made.onset, made.offset + 1), near)
    assert place in found and place == beside(made, range(made.onset, made.offset + 1), near)


def test_a_frame_is_known_by_its_last_digits(tmp_path: Path) -> None:
    names = {
        "reg_EP01_12-018.jpg": 18,
        "8.jpg": 8,
        "reg_img61.PNG": 61,
        "a1b2.bmp": 2,
        "006_1_2_05562.jpg": 5562,
    }
    assert {name: number(name) for name in names} == names
    assert [number(name) for name in ("notes.txt", "x.jpg", ".8.jpg", "8.jpg.partial")] == [None] * 4
    for name in ("18.jpg", "8.jpg", "108.jpg", "x.jpg"):
        (tmp_path / name).touch()
    found = frames((tmp_path / "none", tmp_path))
    assert list(found) == [8, 18, 108] and found[8].name == "8.jpg"


def test_what_is_logged_names_nobody(
    au_tree: Path, au_options: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        FOLD.open_train(au_tree, "fourd", tmp_path, au_options())
    assert caplog.records == []
