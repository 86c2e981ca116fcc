import re
from pathlib import Path
from typing import Any

import pytest

from isofed.__main__ import main as isofed
from isofed.client.workshop import Workshop
from isofed.protocols.levels import LEVELS
from isofed.simulations import explain
from isofed.strategies.named import STRATEGIES
from isofed.strategies.share import TRAVELLING
from isofed.tasks import TASKS

SMALL = ("task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8", "task.classes=16")


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no data to name the clients in, but in slow tests."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(explain, "_clients", lambda cfg, level: [])


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what the command prints, as one line."""
    assert explain.main(list(words)) == 0
    return " ".join(capsys.readouterr().out.split())


def flat(text: str) -> str:
    """Return a text as one line."""
    return " ".join(text.split())


def workshop(*words: str) -> Workshop:
    """Return the workshop of a configuration."""
    return Workshop(explain._setting(explain.composed([*SMALL, *words])))


@pytest.mark.parametrize("name", LEVELS)
def test_a_level_is_told_in_its_own_words(capsys: pytest.CaptureFixture[str], name: str) -> None:
    text, level = said(capsys, f"protocol={name}", *SMALL), LEVELS[name]
    for line in (level.client, *level.leaves, *level.never):
        assert flat(line) in text
    assert all(strategy in text for strategy in STRATEGIES)


def test_without_words_all_levels_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys)
    for level in LEVELS.values():
        assert f"protocol={level.name} a client is: {level.client}" in text
        assert all(flat(line) in text for line in (*level.leaves, *level.never))


def test_a_bare_name_is_a_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "camera", *SMALL).startswith("protocol=camera: a client is")


@pytest.mark.parametrize("strategy", ["fedavg", "dppt"])
def test_the_bytes_are_those_of_the_layouts(capsys: pytest.CaptureFixture[str], strategy: str) -> None:
    words = ("protocol=camera", f"strategy={strategy}")
    text, shop = said(capsys, *words, *SMALL), workshop(*words)
    sizes = [shop.trees[group].layout.nbytes for group in TRAVELLING]
    # a table's row: 8 float32 numbers and a byte that says whether it is there
    sizes += [16 * (8 * 4 + 1)] * (strategy == "dppt")
    for size in sizes:
        assert f"; {size:,} bytes" in text
    assert f"together {sum(sizes) + 3 * 8:,} bytes from each client" in text


def test_every_array_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    words, shop = ("protocol=camera", "strategy=fedavg", *SMALL), workshop("protocol=camera")
    text, without = said(capsys, *words, explain.ARRAYS), said(capsys, *words)
    for leaf in shop.trees["model"].layout.leaves:
        line = f"{leaf.name} {leaf.dtype}[{', '.join(map(str, leaf.shape))}]"
        assert line in text and line not in without


@pytest.mark.slow
def test_the_clients_of_a_data_set_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(r"sysu: 6 clients: cam1, visible.*; cam6, infrared", said(capsys, "camera", *SMALL))
    (pooled,) = explain._sites(TASKS["reid"].layouts["sysu"], "sharing", None)
    assert explain._named((pooled,)).startswith("1 client: pooled")


def test_your_own_data_are_counted(capsys: pytest.CaptureFixture[str], drawn: Any) -> None:
    words = [word for word in SMALL if "classes" not in word]
    assert "- for 16 identities" in said(capsys, "camera", f"data.root={drawn}", *words)
    assert "- for 64 identities" in said(capsys, "camera", *words)


def test_how_to_run_it_is_as_a_shell_takes_it(
    capsys: pytest.CaptureFixture[str], drawn: Any, tmp_path: Path
) -> None:
    (tmp_path / "my data").symlink_to(drawn)
    told = said(capsys, "camera", f"data.root={tmp_path / 'my data'}")
    assert f"isofed simulate protocol=camera 'data.root={tmp_path}/my data'" in told


def test_a_refused_strategy_is_told_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("camera_strict", "strategy=dppt", *SMALL)
    text, reason = said(capsys, *words), explain.refusal(explain.composed(_full(words)), {"name": "dppt"})
    assert reason
    assert f"there is none: {flat(reason)}" in text
    assert re.search(rf"dppt[^:]*: refused: {re.escape(flat(reason))}", text)
    assert "isofed simulate protocol=camera_strict strategy=dppt" not in text
    assert "strategy=fedavg" in text.split("how to run it")[1]


def _full(words: tuple[str, ...]) -> list[str]:
    return [word if "=" in word else f"protocol={word}" for word in words]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["camra"], "unknown protocol 'camra'; did you mean 'camera'?"),
        (["--arays"], "unknown option '--arays'; did you mean '--arrays'?"),
        (["camera", "strategy=dpt"], "unknown strategy 'dpt'; did you mean 'dppt'?"),
        (["camera", "strategy.lam=x"], "'strategy.lam' is 'x', but must be a number"),
        (["camera", "task.clases=3"], "unknown key 'task.clases'; did you mean 'task.classes'?"),
        (["protocol=camera,entity"], "one configuration at a time"),
        (["camera", "data.root=nowhere"], "nowhere"),
    ],
)
def test_nonsense_is_one_sentence(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert isofed(["explain", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("isofed: ") and told.err.count("\n") == 1
    assert sentence in told.err
