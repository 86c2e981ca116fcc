"""The wheel: what lies in it, and that it works where no checkout is."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("server", "client", "strategies", "tasks", "protocols", "simulations")

# a module inside it, because the folder that scripts/view makes would pass for the package
pytest.importorskip("build.env", reason="the wheel's builder is not installed")
pytest.importorskip("hatchling", reason="the wheel's builder is not installed")


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel built here."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as file:
        return set(file.namelist())


def test_the_wheel_holds_every_source_file_inside_the_package(contents: set[str]) -> None:
    wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / "isofed").rglob("*.py")}
    for folder in FOLDERS:
        files = [path for path in (ROOT / folder).rglob("*.*") if path.suffix != ".pyc" and path.is_file()]
        wanted |= {"isofed/" + path.relative_to(ROOT).as_posix() for path in files}
    assert wanted - contents == set()


def test_the_wheel_holds_nothing_else(contents: set[str]) -> None:
    outside = {name for name in contents if not name.startswith(("isofed/", "isofed-"))}
    assert outside == set()
    assert not {name for name in contents if "/tests/" in name or name.endswith(".pyc")}


@pytest.mark.slow
def test_the_wheel_works_when_installed_elsewhere() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "build")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
