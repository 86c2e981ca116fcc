"""Make ``.venv`` beside pyproject.toml and install isofed into it, where that is not done yet.

Everything here also runs on an old Python, so that it can say which Python is needed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "isofed-installed.txt"
EXTRAS = ".[core,test]"
OLDEST = (3, 11)
NEWER = ("python3.11", "python3.12", "python3.13", "python3.14")

TOO_OLD = """isofed needs Python 3.11 or newer; this is {}.{} and no newer one was found.
Install one (Debian, Ubuntu: sudo apt install python3.11 python3.11-venv) and run this again."""
NO_VENV = """This Python cannot make virtual environments: its venv module is missing.
Install it (Debian, Ubuntu: sudo apt install python3-venv) and run this again."""
NO_INSTALL = """The installation did not finish; the lines above say why. Run this again to go on."""


def python():
    """Return the path of the environment's Python."""
    return str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def ensure():
    """Make .venv hold what pyproject.toml and constraints.txt ask for; returns at once if it does."""
    _on_new_python()
    here, wanted = _fingerprints()
    found = STAMP.read_text().split() if STAMP.is_file() else []
    if found == [here, wanted]:
        return
    _say("installing into .venv (once, a minute or two) ...")
    if found[:1] != [here]:
        # only an environment that was made here is emptied, never one that somebody else made
        _make_venv(clear=bool(found))
    STAMP.write_text(here)
    _install()
    STAMP.write_text(here + "\n" + wanted)


def run(*command):
    """Run a command and, if it fails, leave with its exit code."""
    code = subprocess.call(command)
    if code:
        sys.exit(code)


def become(*command):
    """End with a command that takes this process's place, so that it gets the signals itself."""
    sys.stdout.flush()
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def _on_new_python():
    """Start again under a newer Python, where this one is too old and another is installed."""
    if sys.version_info >= OLDEST:
        return
    newer = [path for path in map(shutil.which, NEWER) if path]
    if not newer:
        sys.exit(TOO_OLD.format(*sys.version_info[:2]))
    become(newer[0], *sys.argv)


def _fingerprints():
    """Name what an environment hangs on: the place and the Python; the two files read by pip."""
    place = (str(ROOT) + sys.version).encode()
    files = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    return [hashlib.sha256(part).hexdigest() for part in (place, files)]


def _make_venv(clear):
    try:
        import ensurepip  # noqa: F401  Debian leaves this one out
        import venv
    except ImportError:
        sys.exit(NO_VENV)
    venv.EnvBuilder(with_pip=True, clear=clear).create(str(VENV))


def _install():
    pip = [python(), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if subprocess.call([*pip, "--no-compile", "-c", "constraints.txt", "-e", EXTRAS], cwd=str(ROOT)):
        sys.exit(NO_INSTALL)
    # pip would compile on one core, and the packages' own tests too
    command = [python(), "-m", "compileall", "-q", "-j", "0", "-x", r"[/\\]tests?[/\\]", str(VENV)]
    subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _say(text):
    print("isofed: " + text, flush=True)
