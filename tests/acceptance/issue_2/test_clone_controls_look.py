"""The scripts beside this file on small things: a repository of two lines, a run of seconds, a bare page."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import clone
import controls
import look
import numpy as np
import pytest
from PIL import Image
from small import BATCHES, DATA, MODEL, PICTURES

from isofed.__main__ import main
from tests.forked import completed

HERE = Path(__file__).parent


def repository(folder: Path, start: int, test: int) -> Path:
    """A repository whose two commands say where they are and end with these exit codes."""
    (folder / "scripts").mkdir(parents=True)
    for name, code in (("start", start), ("test", test)):
        script = folder / "scripts" / name
        lines = f'pwd; ls; echo "{name} ${{VIRTUAL_ENV-free}} ${{OMP_NUM_THREADS-free}}"; exit {code}'
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(0o755)
    git = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "first"], check=True)
    (folder / "new").touch()
    return folder


@pytest.mark.parametrize(("start", "test"), [(0, 0), (3, 0), (0, 4)])
def test_both_commands_of_a_clone_must_succeed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    start: int,
    test: int,
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/a/venv")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    source = repository(tmp_path / "source", start, test)
    assert clone.check(source) == (start == test == 0)
    said = capsys.readouterr().out
    assert "not committed is not in the clone" in said and "| new" not in said
    assert f"./scripts/start: 0 s, exit code {start}" in said
    assert f"./scripts/test: 0 s, exit code {test}" in said
    assert "  | start free free" in said and "  | test free free" in said
    assert str(source) not in said
    assert said.rstrip().endswith("\naccepted") == (start == test == 0)


def test_a_clean_shell_still_reaches_packages() -> None:
    given = {
        **{"PATH": "/a/venv/bin:/usr/bin", "VIRTUAL_ENV": "/a/venv", "PYTHONPATH": "/x", "HOME": "/h"},
        **{"PIP_INDEX_URL": "u", "https_proxy": "p", "HTTP_PROXY": "q", "HYDRA_FULL_ERROR": "1"},
    }
    assert clone.clean(given) == {
        **{"PATH": "/usr/bin", "HOME": "/h", "PIP_INDEX_URL": "u", "https_proxy": "p", "HTTP_PROXY": "q"}
    }


GOOD = [
    {"claim": "raw pixels stay below half of the federation, in mAP", "holds": True, "found": "1 < 2"},
    {"claim": "shuffled labels stay at chance, in mAP", "holds": True, "found": "1 < 2"},
    {"claim": "the bank helps with every seed, in mAP", "holds": False, "found": "-0.1"},
]


def test_only_hard_claims_decide() -> None:
    assert controls.broken(GOOD) == []
    for index in (0, 1):
        bad = [{**verdict, "holds": verdict["holds"] and n != index} for n, verdict in enumerate(GOOD)]
        assert controls.broken(bad) == [f"not so: {GOOD[index]['claim']} (1 < 2)"]
    assert controls.broken(GOOD[1:]) == ["nothing was found out about raw pixels"]
    assert len(controls.broken([])) == 2


@pytest.mark.slow
def test_the_controls_are_run_shown_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["rounds=1", "alone=false", "tensorboard=false", *DATA, *PICTURES, *BATCHES, *MODEL]
    forking = SimpleNamespace(
        DEVNULL=subprocess.DEVNULL, run=lambda command, **_: completed(main, *command[3:]).check_returncode()
    )
    monkeypatch.setattr(controls, "subprocess", forking)
    monkeypatch.setattr(sys, "argv", ["controls.py", "--out", str(tmp_path / "run"), *words])
    code, said = controls.main(), capsys.readouterr().out
    judged = json.loads((tmp_path / "run" / "summary.json").read_text())["controls"]["verdicts"]
    faults = controls.broken(judged)
    assert code == (1 if faults else 0), said
    assert all(not fault.startswith("nothing was found out") for fault in faults)
    assert all(verdict["claim"] in said for verdict in judged)
    assert "federated minus without bank" in said
    assert said.splitlines()[-1] == (faults[-1] if faults else "accepted")


def test_without_a_browser_or_a_report_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look.shutil, "which", lambda name: "/bin/true" if name == "chromium" else None)
    with pytest.raises(SystemExit, match="is missing; give the folder of a finished run"):
        look.look(tmp_path / "report.html", tmp_path / "out.png", 9, 9)
    (tmp_path / "report.html").touch()
    with pytest.raises(SystemExit, match="the browser made no picture"):
        look.look(tmp_path / "report.html", tmp_path / "out.png", 9, 9)
    monkeypatch.setattr(look.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="no Chromium is installed"):
        look.look(tmp_path / "report.html", tmp_path / "out.png", 9, 9)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.slow
@pytest.mark.skipif(not any(map(look.shutil.which, look.BROWSERS)), reason="no Chromium is installed")
def test_a_report_s_picture_is_as_large_as_asked(tmp_path: Path) -> None:
    page = '<body style="margin:0"><div style="background:#0a0;height:500px"></div>'
    (tmp_path / "report.html").write_text(page)
    out = tmp_path / "out.png"
    command = [sys.executable, str(HERE / "look.py"), str(tmp_path), str(out), "--width", "640"]
    done = subprocess.run([*command, "--height", "700"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{out}\n"), done.stderr
    pixels = np.asarray(Image.open(out).convert("RGB"))
    assert pixels.shape == (700, 640, 3)
    assert (pixels[:500] == (0, 170, 0)).all()
    assert (pixels[510:] == 255).all()
