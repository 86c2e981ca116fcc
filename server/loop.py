"""Our own server loop over Flower's hooks: starts anywhere, folds as replies come, commits each round."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message
from flwr.serverapp import Grid

from isofed.errors import BudgetError, RoundError
from isofed.events import Emit
from isofed.server.commits import Commits
from isofed.server.own import Absent, nested
from isofed.server.replies import in_order
from isofed.server.state import Checkpoints, ServerState
from isofed.server.stock import Stock
from isofed.server.strategy import Composed
from isofed.spans import ENGINE, EVALUATION, PROTOCOL, span, spanned

Driver = Composed | Stock
ROUND = "round"  # the span of one: from its orders to its checkpoint


@dataclass(frozen=True)
class Patience:
    """How long the loop waits.

    Args:
        timeout: seconds for the replies of one round.
        attempts: how often a round without enough usable reports is tried, at least 1.
        poll: seconds between two looks at a grid that had nothing new; 0 where its pull waits itself.
        ahead: whether a round begins while the checkpoint of the one before is written, see
            :class:`isofed.server.commits.Commits`; only where no site remembers anything.
        unmeasured: whether a run goes on where nobody is there to measure; not behind its last round.
    """

    timeout: float = 3600.0
    attempts: int = 1
    poll: float = 0.0
    ahead: bool = False
    unmeasured: bool = False


def run_rounds(
    strategy: Driver,
    grid: Grid,
    checkpoints: Checkpoints,
    emit: Emit,
    patience: Patience = Patience(),
) -> ServerState:
    """Train from the strategy's state to the setting's last round, evaluating as it says.

    Every round ends with a checkpoint, which names the memory versions it counted: that is the commit.

    Raises:
        RoundError: a round that could not be completed.
        BudgetError: likewise, and none will be; the last one that was committed has been measured.
    """
    setting = strategy.setting
    if strategy.state.round == 0 and not strategy.state.history:
        # not a committed round: it is saved with the first one, and measured again if that never comes
        strategy.commit({"round": 0, **_evaluate(strategy, grid, emit, patience)})
    with Commits(checkpoints, emit, patience.ahead) as commits:
        for number in range(strategy.state.round + 1, setting.rounds + 1):
            with span(ENGINE, ROUND, number):
                try:
                    entry = _round(strategy, grid, number, commits, patience)
                except BudgetError:
                    _ended(strategy, grid, commits, patience)
                    raise
                with span(PROTOCOL, "checkpoint"):
                    commits.commit(strategy.commit(entry), entry)
            commits.tell()
    return strategy.state


def _round(strategy: Driver, grid: Grid, number: int, commits: Commits, patience: Patience) -> dict[str, Any]:
    """Train and evaluate, and return what the history says of it."""
    started = time.monotonic()
    _train(strategy, grid, number, commits, patience)
    seconds, due = time.monotonic() - started, _due(number, strategy.setting)
    measured = _evaluate(strategy, grid, commits.emit, patience) if due else {"metrics": None}
    return {**_entry(strategy, number, seconds), **measured}


def _ended(strategy: Driver, grid: Grid, commits: Commits, patience: Patience) -> None:
    """Measure the round that turned out to be the last one, if nobody has, and commit it with that."""
    commits.settle()
    if strategy.state.round and not strategy.state.history[-1]["metrics"]:
        measured = _evaluate(strategy, grid, commits.emit, patience)
        commits.checkpoints.save(strategy.amend(measured))


def _due(number: int, setting: Any) -> bool:
    every = setting.evaluate_every
    return number == setting.rounds or bool(every and number % every == 0)


def _train(strategy: Driver, grid: Grid, number: int, commits: Commits, patience: Patience) -> None:
    checkpoints, emit = commits.checkpoints, commits.emit
    first = checkpoints.attempt(number)
    for attempt in range(first, first + patience.attempts):
        strategy.attempt = attempt
        with span(PROTOCOL, "orders"):
            checkpoints.note_attempt(number, attempt)
            messages = list(strategy.configure_train(number, ArrayRecord(), ConfigRecord(), grid))
        replies = in_order(
            grid, messages, lambda _: emit("reply", round=number), patience.timeout, _pause(patience)
        )
        try:
            strategy.aggregate_train(number, replies)  # type: ignore[arg-type]
            return
        except RoundError as error:
            checkpoints.note_attempt(number, attempt, failed=True)
            if attempt == first + patience.attempts - 1:
                raise
            emit("attempt_failed", round=number, attempt=attempt, reason=str(error))


@spanned(EVALUATION)
def _evaluate(strategy: Driver, grid: Grid, emit: Emit, patience: Patience) -> dict[str, Any]:
    """Return what the history says of an evaluation: its metrics, or why there are none."""
    number = strategy.state.round
    messages: list[Message] = list(strategy.configure_evaluate(number, ArrayRecord(), ConfigRecord(), grid))
    if not messages:
        return {"metrics": None}
    replies = in_order(grid, messages, lambda _: None, patience.timeout, _pause(patience))
    try:
        record = strategy.aggregate_evaluate(number, replies)  # type: ignore[arg-type]
    except Absent as error:
        if not patience.unmeasured or number == strategy.setting.rounds:
            raise
        emit("unmeasured", round=number, reason=str(error))
        return {"metrics": None, "unmeasured": str(error)}
    results = nested(record or {})
    emit("evaluated", round=number, metrics=results.get("mean"))
    return {"metrics": results}


def _entry(strategy: Driver, number: int, seconds: float) -> dict[str, Any]:
    assert strategy.outcome is not None
    numbers, setting, refused = strategy.outcome.numbers, strategy.setting, strategy.outcome.refused
    return {
        "round": number,
        "rate": setting.task.training.rate(number - 1, setting.rounds, setting.options),
        "seconds": seconds,
        "loss": {site: own["loss"] for site, own in numbers.items() if "loss" in own},
        "examples": {site: own["examples"] for site, own in numbers.items()},
        "steps": {site: own["steps"] for site, own in numbers.items()},
        "bytes": {site: dict(strategy.bytes[site]) for site in sorted({*numbers, *refused})},
        "refused": dict(refused),
        **strategy.outcome.arrived,
    }


def _pause(patience: Patience) -> Callable[[], None]:
    return lambda: time.sleep(patience.poll)
