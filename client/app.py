"""The client as a Flower app: messages in, checked reports out."""

import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from flwr.app import ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from isofed.client import ledger
from isofed.client.evaluate import evaluate
from isofed.client.memory import Sections, version_of
from isofed.client.own import measure
from isofed.client.place import EVALUATOR, TRAINER, Place
from isofed.client.protect import protected, settled
from isofed.client.together import train_together
from isofed.client.train import Trained, train
from isofed.client.workshop import WITH_BASE, Workshop
from isofed.contracts import check_statistics
from isofed.errors import ContractError, IsofedError
from isofed.protocols import plain, wire
from isofed.records import Order, Report
from isofed.spans import ENGINE, EVALUATION, PROTOCOL, span, spanned
from isofed.strategies.share import TRAVELLING

Handler = Callable[[Workshop, Place, Message, Context], RecordDict]

# a process serves one run at a time; two, so that a run that follows does not wait for the first to go
_workshop = lru_cache(maxsize=2)(Workshop.of)
# a process meets a simulated site again in every round
_place = lru_cache(maxsize=4096)(lambda config: Place.of(dict(config)))


def on_train(shop: Workshop, place: Place, message: Message, context: Context) -> RecordDict:
    """Answer an order to train, with the same report for the same attempt."""
    form: Any = plain if shop.setting.recipe.stock else wire
    order = _order(shop, place, message, TRAINER, form)
    report = _answer(shop, place, order)
    if place.simulated is None:
        context.state["memory"] = ConfigRecord({"version": report.version})
    return _content(shop, place, report, form)


def train_beside(messages: Sequence[Message], contexts: Sequence[Context]) -> list[Message]:
    """Answer orders to several simulated sites of this process, their models trained at once.

    Raises:
        IsofedError: one of them cannot be answered, or the run's sites cannot be trained together.
    """
    found = [_opened(context) for context in contexts]
    shop, places = found[0][0], [place for _, place in found]
    form: Any = plain if shop.setting.recipe.stock else wire
    asked = list(zip(places, messages, strict=True))
    orders = [_order(shop, place, message, TRAINER, form) for place, message in asked]
    with span(PROTOCOL, "memories"):
        before = [shop.memory(place).load(order.base) for place, order in zip(places, orders, strict=True)]
    trained = train_together(shop, places, orders, before, [version_of(order) for order in orders])
    reports = [_leaving(shop, *each) for each in zip(places, orders, before, trained, strict=True)]
    answers = [_content(shop, place, report, form) for place, report in zip(places, reports, strict=True)]
    return [Message(answer, reply_to=message) for answer, message in zip(answers, messages, strict=True)]


@spanned(PROTOCOL, "reply")
def _content(shop: Workshop, place: Place, report: Report, form: Any) -> RecordDict:
    content: RecordDict = form.report_content(report)
    form.check(content, shop.outside(shop.classes(place)))
    return content


def _answer(shop: Workshop, place: Place, order: Order) -> Report:
    memory = shop.memory(place)
    with span(PROTOCOL, "memory"):
        stored = memory.stored(order)
        before = memory.load(order.base) if stored is None else {}
    if stored is not None:
        return stored
    return _leaving(shop, place, order, before, train(shop, place, order, before, version_of(order)))


@spanned(PROTOCOL, "report")
def _leaving(shop: Workshop, place: Place, order: Order, before: Sections, trained: Trained) -> Report:
    """Return what leaves of a site's training, once it is checked, written down, and remembered."""
    shop.contract(shop.classes(place)).check(trained.report)
    report = protected(shop, place, order, trained.report)
    ledger.enter(place.memory.parent / "left.jsonl", report, shop.held(place))
    shop.memory(place).commit(order, report, settled(shop, order, before, trained.sections, report))
    return report


@spanned(EVALUATION, "measure")
def on_evaluate(shop: Workshop, place: Place, message: Message, context: Context) -> RecordDict:
    """Answer with mergeable statistics of the model in the message; a site, of the one it is to use."""
    if place.role == TRAINER and shop.setting.holdout:
        return RecordDict({"statistics": MetricRecord(_own(shop, place, message))})
    order = _order(shop, place, message, EVALUATOR)
    statistics = evaluate(shop, place, order.channels)
    check_statistics(statistics)
    return RecordDict({"statistics": MetricRecord(statistics)})


def _own(shop: Workshop, place: Place, message: Message) -> Any:
    order = _order(shop, place, message, TRAINER)
    statistics = measure(shop, place, order, shop.memory(place).load(order.base))
    check_statistics(statistics, shop.setting.task.own.sums(shop.setting.options))
    ledger.enter_measured(place.memory.parent / "left.jsonl", order, statistics)
    return statistics


@spanned(PROTOCOL, "order")
def _order(shop: Workshop, place: Place, message: Message, role: str, form: Any = wire) -> Order:
    """Return the order in a message after everything that speaks against following it."""
    place.allow(shop.setting, role)
    personal = {name for name, rule in shop.setting.recipe.tables.items() if rule.personal}
    contract = shop.contract(shop.classes(place) if role == TRAINER else None)
    # what the server sends to one site alone it can only send once that site has reported
    needed = [name for name in contract.channels if name not in personal] if role == TRAINER else TRAVELLING
    order: Order = form.read_order(message.content, contract, needed)
    if order.digest != shop.setting.digest:
        raise ContractError(_apart(shop.setting.digest, order.digest))
    return order


def _apart(ours: str, theirs: str) -> str:
    """Say in what a site's digest and the run's differ: in the configuration, or in the frozen base alone."""
    (here, _, base), (there, _, wanted) = ours.partition(WITH_BASE), theirs.partition(WITH_BASE)
    if here != there:
        return "the order comes from another configuration than this site was given; align them"
    return (
        f"the frozen part of this site's model has the SHA-256 {base}, but the run's has {wanted}; give the "
        "site the file of weights that the run begins with, as 'weights' in its node configuration, or none "
        "if the run has none"
    )


def client_app() -> ClientApp:
    """Return the app that Flower's engines, and ours, call with each message."""
    app = ClientApp()
    app.train()(_guarded(on_train))
    app.evaluate()(_guarded(on_evaluate))
    return app


def _guarded(handler: Handler) -> Callable[[Message, Context], Message]:
    def handle(message: Message, context: Context) -> Message:
        try:
            shop, place = _opened(context)
            with span(ENGINE, "site", place.site):
                return Message(handler(shop, place, message, context), reply_to=message)
        except IsofedError:
            raise
        except Exception as error:
            with suppress(Exception):
                _note(Path(str(context.node_config["home"])) / "errors.log")
            # the text of a foreign exception may hold a path or a value; it stays in the site's own log
            raise IsofedError(
                f"unexpected {type(error).__name__}; see errors.log in the site's folder"
            ) from None

    return handle


def _opened(context: Context) -> tuple[Workshop, Place]:
    place = _place(tuple(context.node_config.items()))
    cfg, simulated = str(context.run_config["cfg"]), place.simulated is not None
    return _workshop(cfg, place.device, simulated, place.weights), place


def _note(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(traceback.format_exc())


app = client_app()
