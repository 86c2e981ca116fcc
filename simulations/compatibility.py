"""docs/compatibility.md: which strategy goes with which privacy steps on which task, found by building each.

    python -m isofed.simulations.compatibility docs/compatibility.md

writes the file anew; tests/simulations/test_compatibility.py prints it and asserts that it is up to date.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isofed.errors import CompositionError
from isofed.protocols.levels import LEVELS, LevelOptions, permit
from isofed.protocols.privacy import PRIVACY
from isofed.setting import build
from isofed.strategies.named import STRATEGIES
from isofed.tasks import TASKS

RUNS = "runs"
PLACES: Mapping[str, Mapping[str, Any]] = {
    "reid under camera": {
        "layout": "sysu",
        "task": {"name": "reid", "momentum": 0.0, "keep_momentum": False},
        "protocol": {"name": "camera"},
    },
    "reid under camera_strict": {
        "layout": "sysu",
        "task": {"name": "reid", "momentum": 0.0, "keep_momentum": False},
        "protocol": {"name": "camera_strict"},
    },
    # a head and an identity centre are templates of fingers: every level of this task keeps them, camera too
    "vein under entity": {
        "layout": "vein_sensors",
        "task": {"name": "vein", "momentum": 0.0, "keep_momentum": False},
        "protocol": {"name": "entity"},
    },
    # of these two tasks camera gives the same rows: what leaves is the same under both
    "action_units under entity": {
        "layout": "cd6me_to_casme2",
        "task": {"name": "action_units", "momentum": 0.0, "keep_momentum": False},
        "protocol": {"name": "entity"},
    },
    "micro_gesture under entity": {
        "layout": "micro_gesture_silos",
        "task": {"name": "micro_gesture", "momentum": 0.0, "keep_momentum": False},
        "protocol": {"name": "entity"},
    },
}
HEAD = """# What goes with what

Every strategy with every choice of `privacy=`, on every task: `runs`, or the number of the sentence below
with which it is refused when the run is built. Strategies and privacy steps have their default options, but
where a row says otherwise. The tasks have plain SGD (`task.momentum=0 task.keep_momentum=false`), for which
some strategies ask by a sentence of their own.

`isofed list privacy` says what each choice does. `clip`, `quantise` and `top_k` work on the changes of
parameters and of further trees such as control variates; running statistics are no changes, and leave as
they are beside them. `gaussian` is therefore refused wherever running statistics leave, unless
`privacy.buffers=released` gives them a bound and noise of their own. The numbers of a
report (examples, steps, loss) are released as they are, whatever is chosen. `top_k` saves no bytes: zeros are
sent, too. Strategies of Flower's own (`strategy=flwr.FedAvg`) are given models, not changes, and run with
`none` alone.

A test prints this page; `python -m isofed.simulations.compatibility docs/compatibility.md` writes it anew.
"""
ROWS: Mapping[str, Mapping[str, Any]] = {
    **{name: {"name": name} for name in sorted(STRATEGIES)},
    "fedbn, weights=equal": {"name": "fedbn", "weights": "equal"},
}
"""The strategies as they stand in the table, and one with the option that noise asks for."""


@dataclass(frozen=True)
class Cell:
    """One combination.

    Args:
        place: a key of ``PLACES``, or of a test's own.
        strategy: a key of ``ROWS``.
        privacy: a name.
        cfg: what is built.
    """

    place: str
    strategy: str
    privacy: str
    cfg: Mapping[str, Any]


def cells(places: Mapping[str, Mapping[str, Any]] = PLACES) -> list[Cell]:
    """Return every combination at some places: a layout, a task and a level each."""
    common = {"run": "matrix", "seed": 0, "rounds": 2, "evaluate_every": 0}
    return [
        Cell(
            place,
            strategy,
            privacy,
            {**common, **given, "strategy": ROWS[strategy], "privacy": {"name": privacy}},
        )
        for place, given in places.items()
        for strategy in ROWS
        for privacy in PRIVACY
    ]


def judged(cell: Cell, tasks: Mapping[str, Any] = TASKS) -> str:
    """Build a cell and return ``runs``, or the sentence that refuses it, without the strategy's own name."""
    try:
        setting = build(cell.cfg, tasks, STRATEGIES, LEVELS, LevelOptions, PRIVACY)
        meanings = {name: rule.meaning for name, rule in setting.recipe.channels.items()}
        permit(setting.level, setting.level_options, meanings)
    except CompositionError as error:
        return str(error).replace(f"strategy '{_call(ROWS[cell.strategy])}'", "the strategy")
    return RUNS


def _call(strategy: Mapping[str, Any]) -> str:
    given = {key: value for key, value in strategy.items() if key != "name"}
    return STRATEGIES[strategy["name"]](**given).call


def page() -> str:
    """Return the whole of docs/compatibility.md."""
    found = {(cell.place, cell.strategy, cell.privacy): judged(cell) for cell in cells()}
    sentences = [sentence for sentence in dict.fromkeys(found.values()) if sentence != RUNS]
    numbers = {sentence: str(number) for number, sentence in enumerate(sentences, 1)} | {RUNS: RUNS}
    parts = [HEAD]
    for place in PLACES:
        parts += [f"## {place}\n", "\n".join(_table(lambda s, p, at=place: numbers[found[at, s, p]])) + "\n"]
    notes = [
        f"{number}. {sentence[0].upper()}{sentence[1:]}." for number, sentence in enumerate(sentences, 1)
    ]
    return "\n".join([*parts, "## Refusals\n", *notes]) + "\n"


def _table(word: Callable[..., str]) -> Iterator[str]:
    yield _row(["strategy", *PRIVACY])
    yield _row(["---"] * (1 + len(PRIVACY)))
    for strategy in ROWS:
        yield _row([strategy, *(word(strategy, privacy) for privacy in PRIVACY)])


def _row(words: Iterable[str]) -> str:
    return f"| {' | '.join(words)} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
