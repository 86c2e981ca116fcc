"""Sites' turns in a round of training, from the order to the reply.

Several turns are taken phase by phase. A processor then goes through the same few functions again and again
instead of through all of them once a site, which for small models takes little more than half the time.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flwr.app import Message, RecordDict

from isofed.client import charging, ledger
from isofed.client.memory import Sections, version_of
from isofed.client.orders import order_in
from isofed.client.place import TRAINER, Place
from isofed.client.protect import protected, settled
from isofed.client.together import train_together
from isofed.client.train import Trained, train
from isofed.client.workshop import Workshop
from isofed.errors import IsofedError
from isofed.protocols import plain, wire
from isofed.records import Order, Report
from isofed.spans import ENGINE, PROTOCOL, span, spanned


@dataclass
class Turn:
    """A site's turn: filled in as far as it came.

    Args:
        message: the order as it came.
        opening: opens the run's workshop, and the site's place.
        failure: why it ends without a reply.
    """

    message: Message
    opening: Callable[[], tuple[Workshop, Place]]
    shop: Workshop = field(init=False)
    place: Place = field(init=False)
    order: Order = field(init=False)
    before: Sections = field(default_factory=dict)
    trained: Trained | None = None
    report: Report | None = None
    reply: RecordDict | None = None
    failure: Exception | None = None

    @property
    def form(self) -> Any:
        """How the run writes its messages."""
        return plain if self.shop.setting.recipe.stock else wire


def take(turns: Sequence[Turn], together: bool = False) -> None:
    """Take turns; what fails is said in each, and does the others no harm.

    The same attempt is answered with the same report again.

    Args:
        turns: of sites of this process.
        together: whether their models are trained at once, as far as they can be.
    """
    _each(_open, turns)
    _each(_remember, turns)
    if together:
        _train_together([turn for turn in turns if turn.failure is None and turn.report is None])
    _each(_train, turns)
    _each(_leave, turns)
    _each(_write, turns)


def alone(turn: Turn) -> Turn:
    """Take one turn and return it, or raise its failure."""
    take([turn])
    if turn.failure is not None:
        raise turn.failure
    return turn


def _each(phase: Callable[[Turn], None], turns: Sequence[Turn]) -> None:
    for turn in turns:
        if turn.failure is None:
            try:
                phase(turn)
            except Exception as error:
                turn.failure = error


def _open(turn: Turn) -> None:
    turn.shop, turn.place = turn.opening()
    turn.order = order_in(turn.shop, turn.place, turn.message, TRAINER, turn.form)


@spanned(PROTOCOL, "memory")
def _remember(turn: Turn) -> None:
    memory = turn.shop.memory(turn.place)
    turn.report = memory.stored(turn.order)
    if turn.report is None:
        turn.before = memory.load(turn.order.base)
        return
    # it was paid for before it was stored; a budget that was put back from a backup may not know
    charging.pay(turn.shop, turn.place, turn.order, charging.price(turn.shop, turn.place, turn.order))


def _train_together(turns: Sequence[Turn]) -> None:
    # where one cannot be trained, each trains by itself, and says so by itself
    with suppress(IsofedError):
        places, orders = [turn.place for turn in turns], [turn.order for turn in turns]
        versions, before = [version_of(order) for order in orders], [turn.before for turn in turns]
        found = train_together(turns[0].shop, places, orders, before, versions) if len(turns) > 1 else []
        for turn, trained in zip(turns, found, strict=False):
            turn.trained = trained


def _train(turn: Turn) -> None:
    if turn.report is None and turn.trained is None:
        with span(ENGINE, "site", turn.place.site):
            charging.afford(turn.shop, turn.place, turn.order)
            version = version_of(turn.order)
            turn.trained = train(turn.shop, turn.place, turn.order, turn.before, version)


@spanned(PROTOCOL, "report")
def _leave(turn: Turn) -> None:
    """Let go of a site's training once it is checked, written down, and remembered."""
    if turn.trained is None:
        return
    shop, place, order, trained = turn.shop, turn.place, turn.order, turn.trained
    shop.contract(shop.classes(place)).check(trained.report)
    report = protected(shop, place, order, trained.report)
    charging.pay(shop, place, order, trained.spend)
    turn.report = report
    ledger.enter(place.ledger, report, shop.held(place))
    shop.memory(place).commit(order, report, settled(shop, order, turn.before, trained.sections, report))


@spanned(PROTOCOL, "reply")
def _write(turn: Turn) -> None:
    content = turn.form.report_content(turn.report)
    turn.form.check(content, turn.shop.outside(turn.shop.classes(turn.place)))
    turn.reply = content
