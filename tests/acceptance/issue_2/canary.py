#!/usr/bin/env python3
"""Plant canaries at one camera and look for them everywhere they must not be.

Every training image of camera 2 carries a token in its name, a byte pattern in a JPEG comment, and shows
a chequered picture. A small simulation runs over that tree, in one process and again over two workers, while
every message is written down as the bytes that Flower would send. Then nothing of the canary may be in a
message, in what the run printed, or in any file of the run outside that camera's own folders. Apart from
that: a camera opens no other camera's folder and trains where there is none, and says in a sentence that
its own is missing; the evaluator opens test persons' folders alone and does with a copy of them; and an
unexpected error of a client carries no text out.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asked import Asked, moved
from flwr.common.serde import message_to_proto
from planted import CAMERA, MARK, TOKEN, Canary, plant
from small import BATCHES, MODEL, ROUNDS

from isofed import __main__ as isofed
from isofed.protocols.declared import FILE
from isofed.simulations import grid
from isofed.simulations.federation import EVALUATOR
from isofed.tasks.reid import augment
from isofed.tasks.reid.layouts.sysu.read import read_lists

NAME = f"cam{CAMERA}"
OTHER = "cam1"
SIZE = ("task.height=32", "task.width=16", f"rounds={ROUNDS}", "evaluate_every=1")
SECRET = f"{NAME}/0042/{TOKEN}.jpg"


PLAIN = grid.answer
COUNT = itertools.count()


@dataclass(frozen=True)
class Recorder:
    """Stands where messages are handled and writes their bytes down; a class, so that workers can have it."""

    folder: Path

    def __call__(
        self, cfg: str, calls: Sequence[grid.Call], together: int = 0, lends: bool = False
    ) -> list[Any]:
        """Answer messages, and write each and its reply into the folder."""
        answers = PLAIN(cfg, calls, together, lends)
        for (node, _, message), (reply, _) in zip(calls, answers, strict=True):
            for kind, sent in (("down", message), ("up", reply)):
                name = f"{os.getpid()}_{next(COUNT):04d}_{kind}_{node.config['site']}"
                (self.folder / name).write_bytes(message_to_proto(sent).SerializeToString())
        return answers


def record(folder: Path, words: list[str]) -> int:
    """Run ``isofed WORDS`` and write every message's bytes into ``folder``."""
    grid.answer = Recorder(folder)  # type: ignore[assignment]
    return isofed.main(words)


def simulate(base: Path, canary: Canary, workers: int, more: tuple[str, ...] = ()) -> tuple[bytes, int]:
    """Run the simulation over the planted tree, ``more`` words added; return what it printed and its code."""
    (base / "messages").mkdir(parents=True)
    words = ["simulate", *SIZE, *BATCHES, *MODEL, f"engine.workers={workers}"]
    words += [f"data.root={canary.root}", f"hydra.run.dir={base / 'run'}", *more]
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


def opened(asked: Asked, base: Path) -> Iterator[str]:
    """A camera opens its own folder and no other camera's; every opening by Python is heard."""
    reply, paths = asked.heard(OTHER, base / "heard")
    if reply.has_error():
        yield f"{OTHER} did not train: {reply.error.reason}"
    inside = {path.relative_to(asked.root).parts[0] for path in paths if asked.root in path.parents}
    print(f"  {OTHER} opened {len(paths)} files and folders, of the tree: {', '.join(sorted(inside))}")
    yield from (f"{OTHER} opened {part}" for part in sorted(inside - {OTHER, "exp", FILE}))
    if OTHER not in inside:
        yield f"{OTHER} did not even open its own folder, so nothing was heard"
    yield from (f"{OTHER} opened {path}" for path in paths if base / "run" in path.parents)


def evaluated(asked: Asked, base: Path) -> Iterator[str]:
    """The evaluator opens nobody's folder but test persons', and measures the same where only they are."""
    tests = {f"{person:04d}" for person in read_lists(asked.root, "the tree").test_ids}
    reply, paths = asked.heard(EVALUATOR, base / "heard evaluator")
    if reply.has_error():
        yield f"the evaluator did not measure: {reply.error.reason}"
        return
    inside = [path.relative_to(asked.root).parts for path in paths if asked.root in path.parents]
    parts = [part for part in inside if part[-1] != FILE]  # a declared level is no picture
    people = {part[1] for part in parts if part[0] != "exp" and len(part) > 1}
    print(f"  the evaluator opened {len(parts)} of the tree, persons {', '.join(sorted(people))}")
    yield from (f"the evaluator opened person {person}" for person in sorted(people - tests))
    yield from (f"the evaluator opened {part[0]}" for part in parts if part[0] != "exp" and len(part) == 1)
    if tests - people:
        yield "the evaluator did not open every test person, so too little was heard"
    yield from (f"the evaluator opened {path}" for path in paths if base / "run" in path.parents)
    split = without_trained(asked.root, base / "test split", tests)
    again = asked.answer(EVALUATOR, base / "evaluator alone", split)
    if again.has_error():
        yield f"the evaluator cannot measure on a copy of the test split: {again.error.reason}"
    elif again.content["statistics"] != reply.content["statistics"]:
        yield "the evaluator measures something else on a copy of the test split"


def without_trained(root: Path, copy: Path, tests: set[str]) -> Path:
    """Copy a tree without the persons who are trained on."""

    def trained(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name not in tests] if Path(folder).parent == root else []

    for part in root.iterdir():
        if part.name.startswith("cam"):
            shutil.copytree(part, copy / part.name, ignore=trained)
    shutil.copytree(root / "exp", copy / "exp")
    return copy


def hidden(asked: Asked, base: Path) -> Iterator[str]:
    """A camera trains where no other camera's folder is, and says what is wrong where its own is missing."""
    others = [folder for folder in asked.root.glob("cam*") if folder.name != OTHER]
    with moved(others, base / "hidden"):
        reply = asked.answer(OTHER, base / "alone")
        if reply.has_error():
            yield f"{OTHER} cannot train alone in its tree: {reply.error.reason}"
    with moved([asked.root / OTHER], base / "hidden"):
        reply = asked.answer(OTHER, base / "lost")
        reason = reply.error.reason if reply.has_error() else "(it trained)"
        print(f"  without its folder: {reason}")
        if f"{OTHER} is missing" not in reason:
            yield f"{OTHER} answered without its folder: {reason}"
        if str(asked.root) in reason:
            yield "the refusal names a path"


def unexpected(asked: Asked, base: Path) -> Iterator[str]:
    """The text of an unexpected error stays in the site's own log."""

    def fails(*_: Any) -> None:
        raise ValueError(f"cannot transform {asked.root}/{SECRET}")

    plain, augment.training = augment.training, fails  # type: ignore[assignment]
    try:
        reply = asked.answer(OTHER, base / "failing")
    finally:
        augment.training = plain
    reason = reply.error.reason if reply.has_error() else "(no error at all)"
    print(f"  after an unexpected error: {reason}")
    if "ValueError" not in reason:
        yield f"the reply should tell of the ValueError, but says: {reason}"
    sent = message_to_proto(reply).SerializeToString()
    yield from (f"the reply holds {what}" for what in (SECRET, str(asked.root)) if what.encode() in sent)
    if SECRET not in (base / "failing" / OTHER / "errors.log").read_text():
        yield "errors.log of the site does not hold the text"


def search(base: Path) -> Iterator[tuple[str, list[str]]]:
    """Plant, run and look; yield each check's name and what it found."""
    canary = plant(base / "tree")
    for workers in (1, 2):
        yield from ran(base / f"workers{workers}", canary, workers)
    run = base / "workers1"
    if not (run / "run" / "summary.json").exists():
        return
    asked = Asked.of(run / "run", canary.root, OTHER)
    yield "a camera opens its own folder", list(opened(asked, run))
    yield "a camera needs its own folder", list(hidden(asked, run))
    yield "the evaluator opens test persons alone", list(evaluated(asked, run))
    yield "errors carry no text", list(unexpected(asked, run))


def ran(
    base: Path, canary: Canary, workers: int, more: tuple[str, ...] = ()
) -> Iterator[tuple[str, list[str]]]:
    """Run with some workers and look at all that it left."""
    output, code = simulate(base, canary, workers, more)
    with_them = f"with {workers} worker{'s' if workers > 1 else ''}"
    yield f"the run {with_them} ends well", [] if not code else [f"code {code}: {output.decode()[-500:]}"]
    if not code:
        yield f"no message holds it {with_them}", list(messages(base, canary))
        yield f"no other's file holds it {with_them}", list(files(base, canary))
        yield f"it was not printed {with_them}", list(printed(canary, output))


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
