"""Any recipe as a Flower strategy: the one class that inherits from Flower's."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from isofed.contracts import Contract, TableContract
from isofed.errors import RoundError
from isofed.events import Emit, silent
from isofed.protocols import wire
from isofed.protocols.letter import Made
from isofed.protocols.pipeline import Pipeline
from isofed.protocols.step import Use
from isofed.records import Order, Report, Value
from isofed.seeds import Secrets
from isofed.server.asks import Ask, Refusal, Reply
from isofed.server.availability import check
from isofed.server.cohorts import asked, expected
from isofed.server.distil import Classroom, Lesson, lesson
from isofed.server.guide import guide
from isofed.server.own import flat, gathered, measuring, over_sites, statistics
from isofed.server.replies import MOST, runs_of, usable
from isofed.server.roster import Roster
from isofed.server.rounds import Outcome, Round, training_round
from isofed.server.state import ServerState
from isofed.setting import Setting
from isofed.spans import AGGREGATION, PROTOCOL, span, spanned
from isofed.strategies.robust.rule import fewest as needs
from isofed.strategies.share import TRAVELLING
from isofed.tasks.task import merge


class Composed(Strategy):
    """Drives a round's generator through Flower's five hooks.

    Flower's ``arrays`` argument is not used: the state is more than one array record. What the hooks
    return is therefore only for eyes, and :attr:`state` is the truth.

    Args:
        setting: what runs.
        contract: what a report may hold; whatever differs is refused here too.
        state: where to begin.
        sites: node ID by site name; a :class:`Roster` where they are too many to be listed.
        evaluators: node ID by evaluator name.
        emit: told of refusals.
        fewest: fewest usable reports for a round; default what its rule needs: all that are asked for, or
            of a robust rule all but those that it holds possible to be faulty.
        room: what the server learns with, if the recipe does.
        secrets: the server's own, for privacy steps that draw on the sum.
    """

    def __init__(
        self,
        setting: Setting,
        contract: Contract,
        state: ServerState,
        sites: Mapping[str, int],
        evaluators: Mapping[str, int],
        emit: Emit = silent,
        fewest: int | None = None,
        room: Classroom | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self.pipeline, self.secrets = Pipeline(setting.recipe.privacy).drawing(secrets), secrets
        self.setting, self.contract, self.state, self.emit = setting, contract, state, emit
        self.sites, self.evaluators = Roster.of(sites), Roster.of(evaluators)
        expected(setting)
        check(setting, self.sites.names)
        count = asked(setting, len(self.sites))
        needed = needs(setting.recipe.rule, count)
        self.fewest = needed if fewest is None else fewest
        self._present = _presence(contract)
        self.attempt = 1
        self.bytes: dict[str, dict[str, int]] = {}
        self.outcome: Outcome | None = None
        self._round: Round | None = None
        self._asked: list[str] = []
        self.room, self._lesson = room, lesson(setting, room, state.round + 1)

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Start the round's generator and return its asks as messages, in the order of names."""
        names, self.bytes = self.sites.names, {}
        own = guide(self.setting, self.room, self.state)
        self._round = training_round(
            self.state, self.setting, names, self.attempt, self.fewest, self.secrets, own
        )
        asks = next(self._round)
        self._lesson = lesson(self.setting, self.room, self.state.round + 1, asks)
        self._asked = [ask.site for ask in asks]
        return self._messages(asks, "train", self.sites)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Send the replies into the generator one by one; its outcome is the new state."""
        assert self._round is not None
        try:
            self._round.send(self._read(replies))
        except StopIteration as end:
            self.outcome = end.value
            self.state = _taught(self._lesson, end.value.state)
        return None, None

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Send the global model to every evaluator, if there is a complete one, and to the sites, if they
        hold samples out."""
        own = measuring(self.state, self.setting, self.sites)
        if not self._judged:
            return own
        channels = {name: Value(self.state.trees[name]) for name in TRAVELLING}
        order = Order(self.setting.run, server_round, 1, "", self.setting.digest, channels)
        asks = [Ask(name, order) for name in self.evaluators]
        return [*self._messages(asks, "evaluate", self.evaluators), *own]

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Merge the evaluators' statistics and compute the results once; those of each site stay its own."""
        answers, results, total = iter(replies), dict[str, Any](), dict[str, Any]()
        if self._judged:
            for reply in islice(answers, len(self.evaluators)):
                total = dict(merge(total, statistics(reply, server_round)))
            results |= self.setting.task.result(total)
        if self.setting.holdout:
            sites = gathered(
                zip(self.sites, answers, strict=True), self.setting, server_round, self.fewest, self.emit
            )
            results |= over_sites(sites, self.setting)
        return MetricRecord(flat(results))

    @property
    def _judged(self) -> bool:
        """Whether anybody measures the global model: it is whole, and there is an evaluator."""
        return self.setting.evaluable and len(self.evaluators) > 0

    def summary(self) -> None:
        """Say nothing: the run's own report does."""

    def commit(self, entry: dict[str, Any]) -> ServerState:
        """Extend the history by a finished round and return the state to be saved."""
        self.state = replace(self.state, history=(*self.state.history, entry))
        return self.state

    def amend(self, found: Mapping[str, Any]) -> ServerState:
        """Extend the last round's entry by what was found out later and return the state to be saved."""
        *before, last = self.state.history
        self.state = replace(self.state, history=(*before, {**last, **found}))
        return self.state

    def _messages(self, asks: list[Ask], kind: str, nodes: Mapping[str, int]) -> list[Message]:
        # one set of channels for everybody; only the small order record differs from site to site
        messages, made = [], Made()
        for ask in asks:
            content = wire.order_content(ask.order, made)
            self.bytes.setdefault(ask.site, {"down": 0, "up": 0})["down"] = wire.payload(content)
            messages.append(Message(content, nodes[ask.site], kind, group_id=str(ask.order.round)))
        return messages

    def _read(self, replies: Iterable[Message | None]) -> Iterable[list[Reply]]:
        # nothing here may hold a reply for longer than it is looked at: it may be large; and a privacy step
        # makes a larger copy of what came, so that there one is looked at at a time
        sites, at_once = iter(self._asked), 1 if self.pipeline.steps else MOST
        for run in runs_of(replies):
            while run:
                read = [(site, self._heard(site, m)) for m, site in zip(run[:at_once], sites, strict=False)]
                del run[:at_once]
                self._tell(read)
                yield read
                read.clear()

    def _tell(self, run: list[Reply]) -> None:
        for site, read in run:
            if isinstance(read, Refusal):
                self.emit("refused", site=site, round=self.state.round + 1, reason=read.reason)
            elif self._lesson:
                with span(AGGREGATION, "hear", site):
                    self._lesson.hear(site, read)

    def _heard(self, site: str, reply: Message | None) -> Report | Refusal:
        with span(PROTOCOL, "read", site):
            self.bytes[site]["up"] = 0 if reply is None or reply.has_error() else wire.payload(reply.content)
            return usable(reply, self._report)

    def _report(self, content: RecordDict) -> Report:
        wire.check(content, self.contract)
        report = wire.read_report(content, self.contract)
        self._same_attempt(report.round, report.attempt)
        # rows arrive with presence instead of counts, so their minimum was checked at the site
        self._present.check(report)
        use = Use(report.round, report.attempt, kept=self.state.private)
        return self.pipeline.opened(report, use)

    def _same_attempt(self, round: int, attempt: int) -> None:
        if (round, attempt) != (self.state.round + 1, self.attempt):
            raise RoundError(f"the reply belongs to round {round}, attempt {attempt}")


@spanned(AGGREGATION, "lesson")
def _taught(learnt: Lesson | None, state: ServerState) -> ServerState:
    """Return the state after the round's lesson, if there is one."""
    return replace(state, trees=learnt.taught(state.trees)) if learnt else state


def _presence(contract: Contract) -> Contract:
    relaxed = {
        name: replace(channel, min_count=1) if isinstance(channel, TableContract) else channel
        for name, channel in contract.channels.items()
    }
    return replace(contract, channels=relaxed)
