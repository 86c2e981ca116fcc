"""The scripts beside this file, their processes forked, the long one for a few moments."""

import base64
import io
from pathlib import Path
from types import SimpleNamespace

import canary as canaries
import kill
import numpy as np
import pytest
from kill import moments, where
from PIL import Image
from planted import TOKEN, plant

from tests.forked import Forks, completed
from tests.pace import LONG


@pytest.mark.slow
def test_killed_runs_resume_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an evaluation and in a round; the script aims at every phase."""
    forks = Forks()
    monkeypatch.setattr(kill, "start", forks.start)
    monkeypatch.setattr(kill, "gone_after", forks.gone_after)
    # what ends by itself does so in time on a busy machine, too; what does not never ends
    monkeypatch.setattr(kill, "PATIENCE", LONG)
    monkeypatch.setattr(kill, "QUICK", LONG)
    well, output = kill.run_trials(tmp_path, 2, seed=5, skip=2), capsys.readouterr().out
    assert well, output
    assert output.count("equal") == 2, output


@pytest.mark.slow
def test_nothing_planted_at_a_camera_is_found_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    forking = SimpleNamespace(run=lambda command, **_: completed(canaries.main, *command[2:]))
    monkeypatch.setattr(canaries, "subprocess", forking)
    done = completed(canaries.main)
    assert done.returncode == 0, done.stdout.decode()


def test_every_phase_is_aimed_at_in_turn() -> None:
    drawn = [moment for moment, _ in zip(moments(3, {"data": 1.0}), range(12), strict=False)]
    phases = [moment.step.split()[0] for moment in drawn]
    assert phases == ["data", "caching", "evaluation", "round", "alone", "report"] * 2
    assert len({moment.share for moment in drawn}) == 12


def test_the_step_of_a_run_is_read_from_its_files(tmp_path: Path) -> None:
    seen = [where(tmp_path)]
    for name in ("config.json", "data/x", "facts.json", "attempt.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        seen.append(where(tmp_path))
    assert seen == ["start", "data", "caching", "evaluation 0", "round 1"]


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    canary = plant(tmp_path / "tree")
    planted = next((tmp_path / "tree" / "cam2").rglob(f"*{TOKEN}*.jpg"))
    assert "the comment" in canary.found(planted.read_bytes())
    assert canary.found(f"x{planted.name}".encode()) == ["the file name"]
    pixels = np.asarray(Image.open(planted))
    assert "a row of pixels" in canary.found(b"x" + pixels.tobytes())
    assert canary.found(page(pixels)) == ["the picture, embedded"]
    assert canary.found(page(255 - pixels)) == []


def page(pixels: np.ndarray) -> bytes:
    """Return a page with a picture in it, as a report has them."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((48, 96)).save(buffer, "PNG")
    return b'<img src="data:image/png;base64,' + base64.b64encode(buffer.getvalue()) + b'">'
