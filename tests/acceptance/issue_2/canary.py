#!/usr/bin/env python3
"""Plant canaries at one camera and look for them everywhere they must not be.

Every training image of camera 2 carries a token in its name, a byte pattern in a JPEG comment, and shows
a chequered picture. A small simulation runs over that tree while every message is written down as the
bytes that Flower would send. Then nothing of the canary may be in a message, in what the run printed, or
in any file of the run outside that camera's own folders. Apart from that: a camera opens no other
camera's folder and trains where there is none, says in a sentence that its own is missing, and an
unexpected error of a client carries no text out.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.common.serde import message_to_proto
from planted import CAMERA, MARK, TOKEN, Canary, plant
from small import BATCHES, MODEL, ROUNDS

from isofed import __main__ as isofed
from isofed.client.workshop import Workshop
from isofed.server.strategy import Composed
from isofed.simulations import grid
from isofed.simulations.federation import first_state
from isofed.simulations.folder import load_config
from isofed.simulations.plan import make_plan
from isofed.tasks.reid import augment

NAME = f"cam{CAMERA}"
OTHER = "cam1"
SIZE = ("task.height=32", "task.width=16", f"rounds={ROUNDS}", "evaluate_every=1")
SECRET = f"{NAME}/0042/{TOKEN}.jpg"


def record(folder: Path, words: list[str]) -> int:
    """Run ``isofed WORDS`` in this process and write every message's bytes into ``folder``."""
    plain, count = grid.handle, iter(range(10**9))

    def recording(cfg: str, node: grid.Node, state: RecordDict, message: Message) -> Any:
        reply, state = plain(cfg, node, state, message)
        for kind, sent in (("down", message), ("up", reply)):
            path = folder / f"{next(count):04d}_{kind}_{node.config['site']}"
            path.write_bytes(message_to_proto(sent).SerializeToString())
        return reply, state

    grid.handle = recording
    return isofed.main(words)


def simulate(base: Path, canary: Canary) -> tuple[bytes, int]:
    """Run the simulation over the planted tree; return what it printed, and its exit code."""
    (base / "messages").mkdir()
    words = ["simulate", *SIZE, *BATCHES, *MODEL, "engine.workers=1"]
    words += [f"data.root={canary.root}", f"hydra.run.dir={base / 'run'}"]
    command = [sys.executable, __file__, "--record", str(base / "messages"), *words]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return done.stdout + done.stderr, done.returncode


def messages(base: Path, canary: Canary) -> Iterator[str]:
    """Nothing of the canary, and no path, is in a message."""
    paths = sorted((base / "messages").iterdir())
    print(f"  {len(paths)} messages, {sum(p.stat().st_size for p in paths)} bytes")
    # six cameras together and each alone; evaluations of every round together, of the first and last alone
    expected = 2 * (ROUNDS * (6 + 6) + (1 + ROUNDS) + 6 * 2)
    if len(paths) != expected:
        yield f"{len(paths)} messages were seen, {expected} were expected"
    for path in paths:
        data = path.read_bytes()
        yield from (f"{path.name} holds {name}" for name in canary.found(data))
        yield from (f"{path.name} holds a path" for text in (canary.root, base) if str(text).encode() in data)


def files(base: Path, canary: Canary) -> Iterator[str]:
    """Nothing of the canary is in a file of the run outside the camera's own folders, where it must be."""
    own, looked = set[str](), 0
    for path in sorted((base / "run").rglob("*")):
        if not path.is_file():
            continue
        found, looked = canary.found(path.read_bytes()), looked + 1
        if ("sites", NAME) in zip(path.parts, path.parts[1:], strict=False):
            own.update(found)
        else:
            yield from (f"{path.relative_to(base)} holds {name}" for name in found)
    print(f"  {looked} files; the camera's own hold: {', '.join(sorted(own))}")
    if "a row of pixels" not in own:
        yield "not even the camera's own cache holds the picture, so the search finds nothing"


def printed(canary: Canary, output: bytes) -> Iterator[str]:
    """Nothing of the canary was printed."""
    print(f"  {len(output)} bytes printed")
    yield from (f"the output holds {name}" for name in canary.found(output))


@dataclass(frozen=True)
class Asked:
    """One site's first order in a run, and whom it goes to; made where all cameras can be seen."""

    cfg: str
    message: Message
    root: Path

    @classmethod
    def of(cls, run: Path, root: Path) -> "Asked":
        """Make the order from a run's configuration."""
        cfg, _ = load_config(run)
        plan = make_plan(cfg, run)
        shared = plan.shared(task={**cfg["task"], "classes": plan.layout.classes(root)})
        shop = Workshop.of(json.dumps(shared))
        grid.identify()
        strategy = Composed(shop.setting, shop.contract, first_state(shop), {OTHER: 2}, {})
        nobody: Any = None
        (message,) = strategy.configure_train(1, ArrayRecord(), ConfigRecord(), nobody)
        return cls(json.dumps(shared), message, root)

    def answer(self, home: Path) -> Message:
        """Let the client answer; everything of its own is new and lies under ``home``."""
        places = {"site": OTHER, "root": self.root, "home": home, "memory": home / "memory"}
        agreed = {"role": "trainer", "level": "camera", "min_images": 2}
        node = grid.Node(2, {**{key: str(value) for key, value in places.items()}, **agreed})
        return grid.handle(self.cfg, node, RecordDict(), self.message)[0]


def opened(asked: Asked, base: Path) -> Iterator[str]:
    """A camera opens its own folder and no other camera's; every opening by Python is heard."""
    paths: list[str] = []
    listening = True

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        wanted = listening and event in ("open", "os.listdir", "os.scandir")
        if wanted and isinstance(arguments[0], str | bytes | Path):
            paths.append(os.path.realpath(os.fsdecode(arguments[0])))

    sys.addaudithook(hear)
    reply = asked.answer(base / "heard")
    listening = False
    if reply.has_error():
        yield f"{OTHER} did not train: {reply.error.reason}"
    inside = {Path(p).relative_to(asked.root).parts[0] for p in paths if p.startswith(f"{asked.root}/")}
    print(f"  {OTHER} opened {len(paths)} files and folders, of the tree: {', '.join(sorted(inside))}")
    yield from (f"{OTHER} opened {part}" for part in sorted(inside - {OTHER, "exp"}))
    if OTHER not in inside:
        yield f"{OTHER} did not even open its own folder, so nothing was heard"
    yield from (f"{OTHER} opened {p}" for p in paths if p.startswith(f"{base / 'run'}/"))


def hidden(asked: Asked, base: Path) -> Iterator[str]:
    """A camera trains where no other camera's folder is, and says what is wrong where its own is missing."""
    others = [folder for folder in asked.root.glob("cam*") if folder.name != OTHER]
    with moved(others, base / "hidden"):
        reply = asked.answer(base / "alone")
        if reply.has_error():
            yield f"{OTHER} cannot train alone in its tree: {reply.error.reason}"
    with moved([asked.root / OTHER], base / "hidden"):
        reply = asked.answer(base / "lost")
        reason = reply.error.reason if reply.has_error() else "(it trained)"
        print(f"  without its folder: {reason}")
        if f"{OTHER} is missing" not in reason:
            yield f"{OTHER} answered without its folder: {reason}"
        if str(asked.root) in reason:
            yield "the refusal names a path"


@contextmanager
def moved(folders: list[Path], place: Path) -> Iterator[None]:
    """Keep ``folders`` elsewhere for a while."""
    place.mkdir(exist_ok=True)
    for folder in folders:
        folder.rename(place / folder.name)
    try:
        yield
    finally:
        for folder in folders:
            (place / folder.name).rename(folder)


def unexpected(asked: Asked, base: Path) -> Iterator[str]:
    """The text of an unexpected error stays in the site's own log."""

    def fails(*_: Any) -> None:
        raise ValueError(f"cannot transform {asked.root}/{SECRET}")

    plain, augment.training = augment.training, fails  # type: ignore[assignment]
    try:
        reply = asked.answer(base / "failing")
    finally:
        augment.training = plain
    reason = reply.error.reason if reply.has_error() else "(no error at all)"
    print(f"  after an unexpected error: {reason}")
    if "ValueError" not in reason:
        yield f"the reply should tell of the ValueError, but says: {reason}"
    sent = message_to_proto(reply).SerializeToString()
    yield from (f"the reply holds {what}" for what in (SECRET, str(asked.root)) if what.encode() in sent)
    if SECRET not in (base / "failing" / "errors.log").read_text():
        yield "errors.log of the site does not hold the text"


def search(base: Path) -> Iterator[tuple[str, list[str]]]:
    """Plant, run and look; yield each check's name and what it found."""
    canary = plant(base / "tree")
    output, code = simulate(base, canary)
    yield "the run ends well", [] if code == 0 else [f"exit code {code}: {output.decode()[-500:]}"]
    if code:
        return
    asked = Asked.of(base / "run", canary.root)
    checks: dict[str, Callable[[], Iterator[str]]] = {
        "no message holds it": partial(messages, base, canary),
        "no other's file holds it": partial(files, base, canary),
        "it was not printed": partial(printed, canary, output),
        "a camera opens its own folder": partial(opened, asked, base),
        "a camera needs its own folder": partial(hidden, asked, base),
        "errors carry no text": partial(unexpected, asked, base),
    }
    for name, check in checks.items():
        yield name, list(check())


def main(argv: list[str]) -> int:
    """Search in a temporary folder and print a line for each check."""
    if argv[:1] == ["--record"]:
        return record(Path(argv[1]), argv[2:])
    if argv:
        print(f"{__doc__}\nusage: canary.py (no options); needle in names {TOKEN!r}, in comments {MARK!r}")
        return 0 if argv[0] in ("-h", "--help") else 2
    faulty = 0
    with tempfile.TemporaryDirectory(prefix="isofed-canary-") as folder:
        for name, faults in search(Path(folder).resolve()):
            print(f"{'FAILED' if faults else 'ok':<8}{name}" + "".join(f"\n        {f}" for f in faults))
            faulty += bool(faults)
    print(f"{'FAILED' if faulty else 'passed'}: {faulty} checks failed")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
