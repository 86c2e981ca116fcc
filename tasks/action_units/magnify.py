"""``isofed magnifier``: train the magnifier that action units are seen through, where none is at hand."""

import sys
import time
from dataclasses import fields
from pathlib import Path

from isofed.arguments import Parser
from isofed.errors import ConfigError

TEACH = """Train the magnifier of the task action_units on synthetic pairs of frames with known motion, and
write its weights, which every site reads: task.magnifier=FILE. Write the same command again to continue one
that was stopped. The defaults take a minute or two; the paper has --size 384 --batch 4 --rate 1e-4."""
MEANT = {
    "steps": "of Adam",
    "size": "of a picture's side, pixels",
    "batch": "pairs of a step",
    "rate": "of Adam",
    "shape": "weight of: a change of colours is no motion",
    "noise": "greatest strength of the frames' noise",
    "seed": "the same gives the same weights",
    "threads": "of PyTorch, 0 as it likes; another number gives other last bits",
}
QUIET_SECONDS = 5.0  # between two lines where the output is not a terminal


def main(argv: list[str]) -> int:
    """Train, with the time left; 0 when the file is written."""
    from isofed.tasks.action_units.magnify_training import Magnify

    parser = Parser("isofed magnifier", TEACH)
    parser.add_argument("out", type=Path, help="file to write, such as magnifier.pt")
    for each in fields(Magnify):
        shown = f"{MEANT[each.name]} ({each.default})"
        parser.add_argument(f"--{each.name}", type=type(each.default), default=each.default, help=shown)
    given = vars(parser.parse_args(argv))
    out = given.pop("out").expanduser()
    return _run(Magnify(**given), out)


def _run(options: object, out: Path) -> int:
    import torch

    from isofed.tasks.action_units.magnify_training import Magnify, train

    assert isinstance(options, Magnify)
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads or before)
    try:
        found = train(options, out, Line())
    except OSError as error:
        raise ConfigError(f"cannot write '{out}' ({error.strerror}); name another file") from None
    finally:
        torch.set_num_threads(before)
    better = "better" if found.error < found.rebuilt else "NOT better"
    print(f"wrote {out}; mean absolute errors on pairs held back, black being -1 and white 1:")
    print(
        f"magnified {found.error:.4f}, {better} than the same network without magnifying {found.rebuilt:.4f};"
    )
    print(f"the frame left as it is {found.unmoved:.4f}")
    return 0


class Line:
    """Says how far training has come, on one line of a terminal, now and then elsewhere."""

    def __init__(self) -> None:
        self.begun, self.first, self.said = time.monotonic(), 0, 0.0

    def __call__(self, done: int, total: int, loss: float) -> None:
        """Tell of a step."""
        now = time.monotonic()
        if not self.first:
            self.begun, self.first = now, done
        left = (now - self.begun) / max(done - self.first, 1) * (total - done)
        words = f"step {done}/{total}, loss {loss:.4f}" + (f", {left:.0f} s left" if done < total else "")
        if sys.stderr.isatty():
            ends = "\n" if done == total else ""
            print(f"\r{words:<60}", end=ends, file=sys.stderr, flush=True)
        elif now - self.said >= QUIET_SECONDS or done == total:
            self.said = now
            print(words, file=sys.stderr, flush=True)
