"""The set-up: what it says where it cannot work, and when it has nothing to do."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The set-up's module, turned to an empty checkout; making and installing are only noted."""
    spec = importlib.util.spec_from_file_location("isofed_setup", ROOT / "scripts" / "env.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("a")
    venv = tmp_path / ".venv"
    done: list[str] = []

    def make(clear: bool) -> None:
        done.append("emptied" if clear else "made")
        venv.mkdir(exist_ok=True)

    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "STAMP", venv / "stamp")
    monkeypatch.setattr(module, "done", done, raising=False)
    monkeypatch.setattr(module, "_make_venv", make)
    monkeypatch.setattr(module, "_install", lambda: done.append("installed"))
    return module


def test_a_second_call_does_nothing(env: ModuleType) -> None:
    env.ensure()
    env.ensure()
    assert env.done == ["made", "installed"]


def test_new_requirements_are_installed_into_what_is_there(env: ModuleType) -> None:
    env.ensure()
    (env.ROOT / "constraints.txt").write_text("b")
    env.ensure()
    assert env.done == ["made", "installed", "installed"]


def test_another_python_gets_an_empty_environment(env: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    env.ensure()
    monkeypatch.setattr(sys, "version", "3.99.0")
    env.ensure()
    assert env.done == ["made", "installed", "emptied", "installed"]


def test_somebody_elses_environment_is_not_emptied(env: ModuleType) -> None:
    env.VENV.mkdir()
    env.ensure()
    assert env.done == ["made", "installed"]


def test_an_interrupted_installation_goes_on(env: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(env, "_install", stop)
        with pytest.raises(KeyboardInterrupt):
            env.ensure()
    env.ensure()
    assert env.done == ["made", "installed"]


def test_an_old_python_is_told_what_to_install(env: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(env.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is 3\.9"):
        env.ensure()
    assert env.done == []


def test_an_old_python_hands_over_to_a_newer_one(env: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(sys, "argv", ["scripts/start", "seed=1"])
    monkeypatch.setattr(env.shutil, "which", lambda name: "newer" if name == "python3.12" else None)
    monkeypatch.setattr(env, "become", lambda *command: sys.exit(repr(command)))
    with pytest.raises(SystemExit, match=r"\('newer', 'scripts/start', 'seed=1'\)"):
        env.ensure()


def test_python_without_venv_is_told_so(env: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match="python3-venv"):
        env._make_venv(clear=False)


def test_python_39_can_read_the_set_up() -> None:
    code = "import ast, sys; [ast.parse(open(f).read(), feature_version=(3, 7)) for f in sys.argv[1:]]"
    files = [str(ROOT / "scripts" / name) for name in ("env.py", "start", "test", "check", "build")]
    assert subprocess.run([sys.executable, "-c", code, *files]).returncode == 0
