"""One of Flower's own strategies, driven by the same loop as ours."""

import gc
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid

from isofed import seeds
from isofed.errors import CheckpointError, CompositionError, ContractError, IsofedError, RoundError
from isofed.protocols import plain, wire
from isofed.records import Report, Value
from isofed.server.asks import Ask, Refusal, Reply
from isofed.server.flowers import build, fitting, quiet
from isofed.server.replies import usable
from isofed.server.rounds import Outcome, Round, training_round
from isofed.server.state import ServerState
from isofed.server.stored import restored, stored, unstored
from isofed.server.strategy import Composed
from isofed.setting import Setting
from isofed.spans import AGGREGATION, PROTOCOL, span
from isofed.strategies.stock import PREFIX
from isofed.strategies.stock import Stock as Named

T = TypeVar("T")


class Stock:
    """Drives a strategy of Flower's through its own hooks, with the surface that the loop knows of Composed.

    The strategy decides who trains, what they are told, and what the next parameters are. A round's replies
    are read and counted as ours are; running statistics, which it never sees, are averaged by examples.

    The noise of a strategy with differential privacy comes from the server's secrets, but Flower draws it
    from NumPy's global generator, a Mersenne Twister, which is none for secrets whatever it is seeded with.

    Args:
        ours: holds the state and the secrets, and evaluates.

    Raises:
        CompositionError: the strategy does not fit the federation, see :func:`fitting`, or needs secrets.
        CheckpointError: a run that cannot be continued, because of what the strategy keeps.
    """

    def __init__(self, ours: Composed) -> None:
        self.ours, self.attempt = ours, 1
        self.outcome: Outcome | None = None
        self._named: Named = ours.setting.recipe.stock
        self._strategy = check(ours.setting)
        layout = ours.state.trees[plain.MODEL].layout
        fitting(self._strategy, self._named, layout, len(ours.sites))
        if what := unstored(ours.state.optimiser):
            raise CheckpointError(
                f"'{self.name}' keeps '{what}', which cannot be stored, so this run cannot be continued; "
                "start anew in another folder"
            )
        if ours.secrets is None and self._named.inner:
            raise CompositionError(
                f"'{self.name}' draws noise, but the server has no secrets to draw it from"
            )
        self._messages: dict[str, Message] = {}
        self._round: Round | None = None

    @property
    def name(self) -> str:
        """As written after ``strategy=``."""
        return f"{PREFIX}{self._named.name}"

    @property
    def setting(self) -> Setting:
        """What runs."""
        return self.ours.setting

    @property
    def state(self) -> ServerState:
        """The server's state."""
        return self.ours.state

    @property
    def sites(self) -> Mapping[str, int]:
        """Node ID by site name."""
        return self.ours.sites

    @property
    def bytes(self) -> dict[str, dict[str, int]]:
        """Bytes down and up in the last round, by site."""
        return self.ours.bytes

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Let the strategy say who trains and what they are told; return messages in the order of names."""
        if not unstored(self.state.optimiser):
            # an attempt that failed leaves no trace, and a run that was resumed is like one that was not
            self._strategy = restored(build(self._named), self.state.optimiser)
        handed, seats = plain.arrays_of(self.state.trees[plain.MODEL]), Seats(self.sites.values())
        key = seeds.public_key(self.setting.seed, server_round, "", "stock sampling")
        with drawing(key.to_bytes(16, "little")):
            told = self._held(
                lambda: list(self._strategy.configure_train(server_round, handed, ConfigRecord(), seats))
            )
        contents = {message.metadata.dst_node_id: message.content for message in told}
        asked = [site for site, node in self.sites.items() if node in contents]
        fewest = min(self.ours.fewest, len(asked))
        self._round = training_round(self.state, self.setting, asked, self.attempt, fewest)
        asks = [_told(ask, contents[self.sites[ask.site]]) for ask in next(self._round)]
        self._messages = {ask.site: self._message(ask) for ask in asks}
        return list(self._messages.values())

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Count the replies as ever, and let the strategy make the next parameters of them.

        Raises:
            RoundError: too few replies are usable, or the strategy makes nothing of them.
        """
        assert self._round is not None
        shown: list[Message] = []
        try:
            self._round.send(self._read(replies, shown))
        except StopIteration as end:
            counted: Outcome = end.value
        secrets = self.ours.secrets
        key = secrets.derive(server_round, self.attempt, "stock noise") if secrets else bytes(4)
        with drawing(key), span(AGGREGATION, "strategy"):
            made, metrics = self._held(lambda: self._strategy.aggregate_train(server_round, shown))
        if made is None:
            raise RoundError(
                f"'{self.name}' made nothing of the {len(shown)} replies of round {server_round}"
            )
        state = replace(counted.state, trees={**counted.state.trees, plain.MODEL: self._model(made)})
        state = replace(state, optimiser=stored(self._strategy, build(self._named)))
        self.outcome, self.ours.state = replace(counted, state=state), state
        return made, metrics

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Evaluate as every run does."""
        return self.ours.configure_evaluate(server_round, arrays, config, grid)

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Evaluate as every run does."""
        return self.ours.aggregate_evaluate(server_round, replies)

    def commit(self, entry: dict[str, Any]) -> ServerState:
        """Extend the history by a finished round and return the state to be saved."""
        return self.ours.commit(entry)

    def amend(self, found: Mapping[str, Any]) -> ServerState:
        """Extend the last round's entry by what was found out later and return the state to be saved."""
        return self.ours.amend(found)

    def _message(self, ask: Ask) -> Message:
        content = plain.order_content(ask.order)
        self.bytes[ask.site] = {"down": wire.payload(content), "up": 0}
        return Message(content, self.sites[ask.site], "train", group_id=str(ask.order.round))

    def _read(self, replies: Iterable[Message | None], shown: list[Message]) -> Iterator[list[Reply]]:
        for (site, message), reply in zip(self._messages.items(), replies, strict=True):
            with span(PROTOCOL, "read", site):
                read = usable(reply, self._report)
            if reply is not None and reply.has_content():
                self.bytes[site]["up"] = wire.payload(reply.content)
            if isinstance(read, Refusal):
                self.ours.emit("refused", site=site, round=self.state.round + 1, reason=read.reason)
                error = Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, read.reason)
                shown += [Message(error, reply_to=message)] if reply is not None else []
            elif reply is not None:
                reply.content = plain.for_strategy(reply.content)
                shown.append(reply)
            yield [(site, read)]

    def _report(self, content: RecordDict) -> Report:
        plain.check(content, self.ours.contract)
        report = plain.read_report(content, self.ours.contract)
        if (report.round, report.attempt) != (self.state.round + 1, self.attempt):
            raise RoundError(f"the reply belongs to round {report.round}, attempt {report.attempt}")
        self.ours.contract.check(report)
        return report

    def _model(self, made: ArrayRecord) -> Any:
        try:
            return plain.tree_of(made, self.state.trees[plain.MODEL].layout)
        except ContractError as error:
            raise RoundError(f"'{self.name}' failed in round {self.state.round + 1}: {error}") from None

    def _held(self, run: Callable[[], T]) -> T:
        """Run something of Flower's; whatever it raises is told in one sentence."""
        # some of them collect garbage after every reply, among all that this process holds
        gc.freeze()
        try:
            with quiet():
                return run()
        except IsofedError:
            raise
        except Exception as error:
            what = str(error).split("\n")[0].rstrip(".")
            raise RoundError(
                f"'{self.name}' failed in round {self.state.round + 1}: {type(error).__name__}: {what}"
            ) from error
        finally:
            gc.unfreeze()


class Seats(Grid):
    """What a strategy of Flower's sees of the grid: the sites' numbers, in the order of the sites' names."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = list(numbers)

    def get_node_ids(self) -> Iterable[int]:
        """Return the sites' numbers."""
        return list(self._numbers)

    def set_run(self, run: Any) -> None:
        """Accept Flower's run, which is of no use here."""

    @property
    def run(self) -> Any:
        """Flower's run, which is of no use here."""
        return None

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        """Return a message; kept because Flower's interface has it."""
        return Message(*args, **kwargs)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Refuse: the loop sends."""
        raise RoundError("a strategy may say whom to ask, but not ask by itself")

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Refuse: the loop pulls."""
        raise RoundError("a strategy may say whom to ask, but not read by itself")

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Any:
        """Refuse: the loop sends."""
        return self.push_messages(messages)


def check(setting: Setting) -> Any:
    """Return the strategy of Flower's that a setting names, freshly built.

    Raises:
        ConfigError: an option that it does not have, or refuses.
        CompositionError: the run's privacy steps change what it would aggregate.
    """
    named: Named = setting.recipe.stock
    if setting.recipe.privacy:
        raise CompositionError(
            f"'{PREFIX}{named.name}' reads every client's parameters, so privacy steps do not go with it; "
            "use strategy=fedavg"
        )
    return build(named)


@contextmanager
def drawing(key: bytes) -> Iterator[None]:
    """Seed the global generators that Flower's strategies draw from, and put them back afterwards."""
    before = random.getstate(), np.random.get_state()
    random.seed(key)
    np.random.seed(np.frombuffer(key, np.uint32))
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])


def _told(ask: Ask, content: RecordDict) -> Ask:
    """Return an ask with what the strategy tells this site, whatever it calls its records."""
    (record,), (config,) = content.array_records.values(), content.config_records.values()
    model = plain.tree_of(record, ask.order.channels[plain.MODEL].tree.layout)  # type: ignore[union-attr]
    channels = {**ask.order.channels, plain.MODEL: Value(model)}
    return replace(ask, order=replace(ask.order, channels=channels, config=dict(config)))
