"""``isofed score TASK ...``: evaluate anybody's features by a data set's rules."""

from collections.abc import Callable

from isofed.suggest import pick
from isofed.tasks.reid.benchmarks.score import main as reid

SCORERS: dict[str, Callable[[list[str]], int]] = {"reid": reid}
HELP = """isofed score TASK FILE.npz|FOLDER [options]

tasks: reid; isofed score reid --help tells what the file or folder must hold"""


def main(argv: list[str]) -> int:
    """Score with the task's own command."""
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP)
        return 0
    return pick("task", argv[0], SCORERS)(argv[1:])
