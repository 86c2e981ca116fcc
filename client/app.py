"""The client as a Flower app: messages in, checked reports out."""

import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from flwr.app import ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from isofed.client import ledger
from isofed.client.evaluate import evaluate
from isofed.client.opened import opened
from isofed.client.orders import order_in
from isofed.client.own import measure
from isofed.client.place import EVALUATOR, TRAINER, Place
from isofed.client.turns import Turn, alone, take
from isofed.client.workshop import Workshop
from isofed.contracts import check_statistics
from isofed.errors import IsofedError, SpentError
from isofed.protocols.refusals import SPENT, refusal_content
from isofed.spans import ENGINE, EVALUATION, span

Handler = Callable[[Workshop, Place, Message, Context], RecordDict]


def on_train(shop: Workshop, place: Place, message: Message, context: Context) -> RecordDict:
    """Answer an order to train, with the same report for the same attempt."""
    turn = alone(Turn(message, lambda: (shop, place)))
    assert turn.report is not None and turn.reply is not None
    if place.simulated is None:
        context.state["memory"] = ConfigRecord({"version": turn.report.version})
    return turn.reply


def train_several(
    messages: Sequence[Message], contexts: Sequence[Context], together: bool = False
) -> list[RecordDict | IsofedError]:
    """Return what simulated sites of this process answer to orders to train, or why one does not.

    Args:
        messages: one for each site.
        contexts: theirs.
        together: whether their models are trained at once, as far as they can be.
    """
    asked = list(zip(messages, contexts, strict=True))
    turns = [Turn(message, partial(opened, context)) for message, context in asked]
    take(turns, together)
    return [_answer(turn, context) for turn, context in zip(turns, contexts, strict=True)]


def _answer(turn: Turn, context: Context) -> RecordDict | IsofedError:
    if isinstance(turn.failure, SpentError):
        return refusal_content(SPENT, str(turn.failure))
    return turn.reply if turn.failure is None else _said(turn.failure, context)  # type: ignore[return-value]


def on_evaluate(shop: Workshop, place: Place, message: Message, context: Context) -> RecordDict:
    """Answer with mergeable statistics of the model in the message; a site, of the one it is to use."""
    with span(ENGINE, "site", place.site), span(EVALUATION, "measure"):
        measured = _own if place.role == TRAINER and shop.setting.holdout else _global
        return RecordDict({"statistics": MetricRecord(measured(shop, place, message))})


def _global(shop: Workshop, place: Place, message: Message) -> Any:
    order = order_in(shop, place, message, EVALUATOR)
    statistics = evaluate(shop, place, order.channels)
    check_statistics(statistics)
    return statistics


def _own(shop: Workshop, place: Place, message: Message) -> Any:
    order = order_in(shop, place, message, TRAINER)
    statistics = measure(shop, place, order, shop.memory(place).load(order.base))
    check_statistics(statistics, shop.setting.task.own.sums(shop.setting.options))
    ledger.enter_measured(place.ledger, order, statistics)
    return statistics


def client_app() -> ClientApp:
    """Return the app that Flower's engines, and ours, call with each message."""
    app = ClientApp()
    app.train()(_guarded(on_train))
    app.evaluate()(_guarded(on_evaluate))
    return app


def _guarded(handler: Handler) -> Callable[[Message, Context], Message]:
    def handle(message: Message, context: Context) -> Message:
        try:
            return Message(handler(*opened(context), message, context), reply_to=message)
        except SpentError as error:
            # no mere error: the server does something about it, and reads no text
            return Message(refusal_content(SPENT, str(error)), reply_to=message)
        except Exception as error:
            raise _said(error, context) from None

    return handle


def _said(error: Exception, context: Context) -> IsofedError:
    """Return what others may hear of an error."""
    if isinstance(error, IsofedError):
        return error
    with suppress(Exception):
        _note(Path(str(context.node_config["home"])) / "errors.log", error)
    # the text of a foreign exception may hold a path or a value; it stays in the site's own log
    return IsofedError(f"unexpected {type(error).__name__}; see errors.log in the site's folder")


def _note(path: Path, error: Exception) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write("".join(traceback.format_exception(error)))


app = client_app()
