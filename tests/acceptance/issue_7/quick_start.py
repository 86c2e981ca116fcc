#!/usr/bin/env python3
"""The quick start of docs/deployment.md, followed word for word, from nothing to a second site joined.

    python3 tests/acceptance/issue_7/quick_start.py [--venv DIR] [--no-size]

Clones the repository as it was last committed and types every command of the page's quick start into two
terminals, as its reader would, one after another. What a comment quotes must be said before the next command
is typed, and "ends with 1" is the exit code to expect; any other is 0. Prints the seconds of each command,
of the installation and of all the others up to the second site; these must be under five minutes. Then the
memory of an idle site, and the size of an environment with `[site]` alone. Exits with 1 where a command
fails or it takes longer.
"""

import argparse
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = "docs/deployment.md"
MOST = 300.0  # seconds of commands
LONGEST = 900.0  # seconds after which a command is held to hang; an installation may download PyTorch
JOINED = "isofed site up"  # the second such command is the second site
IDLE = 20.0  # seconds after which a site is held to be idle
INSTALLS = ("python3 -m venv", "pip install")
KEPT = {"PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
MARK = "--ended-with--"


@dataclass(frozen=True)
class Command:
    """One command of the page: into which terminal it is typed, what it must say, how it must end."""

    terminal: str
    words: str
    says: str = ""
    code: int = 0
    stays: bool = False

    @property
    def installs(self) -> bool:
        """Whether it is part of the installation."""
        return self.words.startswith(INSTALLS)


def commands(page: str) -> list[Command]:
    """Return the commands of the quick start, in the order of the page."""
    section = page.split("## Quick start")[1].split("\n## ")[0]
    blocks = re.findall(r"<!-- terminal: (\w+) -->\n```bash\n(.*?)```", section, re.S)
    assert len(blocks) == section.count("```bash"), "a block does not say into which terminal it is typed"
    return [
        _command(terminal, line)
        for terminal, block in blocks
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]


def _command(terminal: str, line: str) -> Command:
    words, _, comment = line.partition(" # ")
    said = re.search(r'"([^"]+)"', comment)
    ends = re.search(r"ends with (\d+)", comment)
    says = said[1].strip(". ") if said else ""
    return Command(terminal, words.strip(), says, int(ends[1]) if ends else 0, "stays" in comment)


@dataclass
class Terminal:
    """A shell that believes a person to sit before it."""

    folder: Path
    environment: Mapping[str, str]
    seen: str = ""
    main: int = 0
    shell: "subprocess.Popen[bytes] | None" = field(default=None)

    def open(self) -> "Terminal":
        """Start the shell."""
        self.main, other = os.openpty()
        quiet = termios.tcgetattr(other)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(other, termios.TCSANOW, quiet)
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "--noediting", "-i"],
            cwd=self.folder, stdin=other, stdout=other, stderr=other, start_new_session=True,
            env={**self.environment, "PS1": "", "PS2": ""}, preexec_fn=lambda: _own(other),
        )  # fmt: skip
        os.close(other)
        return self

    def type(self, command: Command) -> str:
        """Type a command, wait until it is done, and return what is wrong with it."""
        begun = len(self.seen)
        self._write(command.words + "\n")
        if not command.stays:
            self._write(f"echo {MARK}$?\n")
            ended = self._until(rf"{MARK}(\d+)", begun)
            if ended is None or int(ended[1]) != command.code:
                return f"ended with {ended[1] if ended else 'nothing'} instead of {command.code}"
        if command.says and self._until(re.escape(command.says), begun) is None:
            return f"did not say '{command.says}'"
        return ""

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._write("\x03")

    def close(self) -> None:
        """Leave, and end what was left in the background."""
        self._write("\x03kill $(jobs -p) 2>/dev/null; wait; exit\n")
        assert self.shell is not None
        with suppress(subprocess.TimeoutExpired):
            self._until("no such words", len(self.seen), 1.0)
            self.shell.wait(30)
        self.shell.send_signal(signal.SIGHUP)
        os.close(self.main)

    def _write(self, text: str) -> None:
        os.write(self.main, text.encode())

    def _until(self, words: str, begun: int, most: float = LONGEST) -> "re.Match[str] | None":
        """Read until something was said since then."""
        end = time.monotonic() + most
        while time.monotonic() < end:
            if found := re.search(words, self.seen[begun:]):
                return found
            if select.select([self.main], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.main, 65536).decode("utf-8", "replace").replace("\r", "")
                except OSError:
                    return None
        return None


def _own(terminal: int) -> None:
    import fcntl

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def clean(home: Path) -> dict[str, str]:
    """Return what a fresh shell has, and what pip needs to reach an index."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith("PIP_")}
    own = os.environ.get("VIRTUAL_ENV")
    path = [p for p in kept["PATH"].split(os.pathsep) if own is None or Path(p).parent != Path(own)]
    return {**kept, "PATH": os.pathsep.join(path), "HOME": str(home), "TERM": "dumb"}


@dataclass
class Clock:
    """Seconds, by what they were spent on."""

    install: float = 0.0
    joined: float = 0.0
    after: float = 0.0
    sites: int = 0

    def count(self, command: Command, seconds: float) -> None:
        """Add a command's."""
        if command.installs:
            self.install += seconds
        elif self.sites < 2:
            self.joined += seconds
        else:
            self.after += seconds
        self.sites += command.words.startswith(JOINED)


def reusing(page: Sequence[Command]) -> list[Command]:
    """Return the commands of who has an environment."""
    kept = [command for command in page if not command.words.startswith("pip install")]
    return [replace(c, words=". .venv/bin/activate") if c.installs else c for c in kept]


def followed(page: Sequence[Command], clone: Path, environment: Mapping[str, str]) -> str:
    """Type all commands; return what went wrong."""
    clock = Clock()
    terminals = {name: Terminal(clone, environment).open() for name in {c.terminal for c in page}}
    try:
        for command in page:
            begun = time.monotonic()
            fault = terminals[command.terminal].type(command)
            seconds = time.monotonic() - begun
            clock.count(command, seconds)
            print(f"{seconds:6.1f} s  {command.terminal:<7} {' '.join(command.words.split())}", flush=True)
            if fault:
                tail = "\n".join(terminals[command.terminal].seen.splitlines()[-20:])
                return f"{command.words}: {fault}\n{tail}"
            if clock.sites == 2 and command.words.startswith(JOINED):
                _idle()
    finally:
        for terminal in terminals.values():
            terminal.close()
    both = clock.install + clock.joined
    print(f"\ninstallation {clock.install:.0f} s, up to the second site {clock.joined:.0f} s: {both:.0f} s")
    print(f"evaluator, run and end: {clock.after:.0f} s more")
    return "" if clock.joined < MOST else f"took {clock.joined:.0f} s instead of {MOST:.0f} s at most"


def _idle() -> None:
    """Print what an idle site takes."""
    time.sleep(IDLE)
    family = descendants(next(pid for pid, words in processes() if words[-3:] == ["site", "up", "cam1"]))
    before, began = sum(map(cpu, family)), time.monotonic()
    print("          memory of an idle site (PSS):")
    total = 0
    for pid in family:
        own = pss(pid)
        total += own
        print(f"          {own / 2**20:6.0f} MB  {name(pid)}")
    time.sleep(IDLE)
    spent = (sum(map(cpu, family)) - before) / (time.monotonic() - began)
    print(f"          {total / 2**20:6.0f} MB  together, and {spent:.1%} of a core", flush=True)


def processes() -> Iterator[tuple[int, list[str]]]:
    """Yield the processes of this machine with their words."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield int(path.name), [w.decode() for w in (path / "cmdline").read_bytes().split(b"\0") if w]


def descendants(pid: int) -> list[int]:
    """Return a process and all that it started."""
    below = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        below += [int(child) for child in tasks.read_text().split()]
    return [pid, *(each for child in below for each in descendants(child))]


def pss(pid: int) -> int:
    """Return a process's memory in bytes, shared pages shared out."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process."""
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


def name(pid: int) -> str:
    """Return what a process is, in its last words."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return " ".join(Path(word).name for word in words[1:4] if word)


def size(clone: Path, environment: Mapping[str, str]) -> None:
    """Install `[site]` alone and print what it takes."""
    begun, at = time.monotonic(), clone.parent / "site"
    subprocess.run(["python3", "-m", "venv", str(at)], check=True, env=environment)
    pip = [str(at / "bin" / "pip"), "install", "-q", "-c", "constraints.txt", ".[site]"]
    subprocess.run(pip, check=True, cwd=clone, env=environment)
    seconds = time.monotonic() - begun
    folders = list(at.glob("lib/python*/site-packages/*"))
    packages = sum(path.suffix == ".dist-info" for path in folders)
    total = sum(p.stat().st_size for p in at.rglob("*") if p.is_file() and not p.is_symlink())
    torch = sum(p.stat().st_size for f in folders if f.name == "torch" for p in f.rglob("*") if p.is_file())
    print(f"[site] alone: {seconds:.0f} s, {packages} packages, {total / 1e6:.0f} MB", end="")
    print(f", of which PyTorch {torch / 1e6:.0f} MB")


def main() -> int:
    """Return 0 if all is as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--venv", type=Path, help="an environment with isofed[core], instead of a fresh one")
    parser.add_argument("--no-size", action="store_true", help="do not install [site] alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="isofed-quick-start-") as spare:
        clone = Path(spare) / "isofed"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        page = commands((clone / PAGE).read_text())
        environment = clean(Path(spare))
        if given.venv:
            page = reusing(page)
            (clone / ".venv").symlink_to(given.venv.resolve())
        fault = followed(page, clone, environment)
        if not fault and not given.no_size:
            size(clone, environment)
    print(f"NOT ACCEPTED: {fault}" if fault else "accepted")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
