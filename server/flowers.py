"""Flower's strategies, looked up by name and made from what was written after ``strategy.``."""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args, get_type_hints

from flwr.serverapp import strategy as flowers
from flwr.serverapp.strategy import Strategy

from isofed.config import call
from isofed.errors import CompositionError, ConfigError
from isofed.protocols.plain import METRIC
from isofed.strategies.stock import INNER, NAMES, PREFIX, Stock
from isofed.strategies.stock import flowers as recipes
from isofed.suggest import pick
from isofed.trees import Layout

PLAIN = (bool, int, float, str, type(None))  # what a run's configuration can hold
OURS = ("fraction_evaluate", "min_evaluate_nodes")
WEIGHTS = ("weighted_by_key", "train_loss_key")
METRICS = (METRIC["examples"], METRIC["loss"], "steps")
WRAPPER = "DifferentialPrivacy"
FEWEST: Mapping[str, tuple[int, str]] = {
    "Krum": (2, "2f + 3"),
    "MultiKrum": (2, "2f + 3"),
    "Bulyan": (4, "4f + 3"),
}
"""Clients without which a rule means nothing: so many times f, the malicious ones, and three more."""


def maker(stock: Stock) -> Callable[..., Strategy]:
    """Return what makes the strategy; its signature holds every plain option of Flower's class.

    A wrapper takes the options of the strategy inside, too.

    Raises:
        ConfigError: a wrapper's strategy has no name that is known.
    """
    outer, inner = _class(stock.name), _inside(stock)
    own = _options(outer)
    of_inner = _options(_class(inner)) if inner else {}
    named = {INNER: inspect.Parameter(INNER, inspect.Parameter.KEYWORD_ONLY, annotation=str)}
    every = {**(named if stock.name.startswith(WRAPPER) else {}), **own, **of_inner}

    def make(**values: Any) -> Strategy:
        inside = {key: value for key, value in values.items() if key in of_inner}
        outside = {key: value for key, value in values.items() if key in own}
        if inner:
            outside[INNER] = _made(inner, inside)
        return _made(stock.name, outside)

    parameters = [p for p in every.values() if p.default is p.empty]
    parameters += [p for p in every.values() if p.default is not p.empty]
    make.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    make.__annotations__ = {p.name: p.annotation for p in parameters}
    make.__doc__, make.__module__ = recipes()[f"{PREFIX}{stock.name}"].__doc__, outer.__module__
    return make


def build(stock: Stock) -> Strategy:
    """Return a fresh strategy of Flower's.

    Raises:
        ConfigError: an option that it does not have, of another type, or that it refuses itself.
    """
    for key in stock.options:
        if key in WEIGHTS:
            pick(key, stock.options[key], dict.fromkeys(METRICS))
        if key in OURS:
            raise ConfigError(
                f"'strategy.{key}' would change nothing, because the run's own evaluator measures; leave it "
                "out, or see evaluate_every"
            )
    with quiet():
        return call(maker(stock), stock.options, "strategy")


def fitting(strategy: Strategy, stock: Stock, model: Layout, sites: int) -> None:
    """Refuse a federation in which the strategy would wait for ever, or in which its rule means nothing.

    Args:
        strategy: as built.
        stock: its name and options.
        model: the parameters that pass through it.
        sites: how many there are.

    Raises:
        CompositionError: there are too few sites, or parameters that it would not protect.
    """
    name, inner = f"{PREFIX}{stock.name}", innermost(strategy)
    # Flower's own rounding: int(100 * 0.29) is 28
    asked = max(int(sites * inner.fraction_train), inner.min_train_nodes)
    wanted = max(asked, inner.min_available_nodes)
    if wanted > sites or asked < 1:
        raise CompositionError(
            f"'{name}' asks {asked} sites and waits for {wanted}, but there {_are(sites)}; set "
            "strategy.fraction_train, strategy.min_train_nodes and strategy.min_available_nodes"
        )
    times, rule = FEWEST.get(type(inner).__name__, (0, ""))
    malicious = getattr(inner, "num_malicious_nodes", 0)
    if rule and asked < times * malicious + 3:
        raise CompositionError(
            f"'{name}' needs {rule} = {times * malicious + 3} sites to bear f = {malicious} malicious ones, "
            f"but asks {asked}; use strategy=flwr.FedMedian"
        )
    if getattr(strategy, "num_sampled_clients", asked) != asked:
        raise CompositionError(
            f"'{name}' scales its noise for {strategy.num_sampled_clients} sites, but asks {asked}; write "  # type: ignore[attr-defined]
            f"strategy.num_sampled_clients={asked}"
        )
    for leaf in model.leaves if stock.name.startswith(f"{WRAPPER}ServerSide") else ():
        if not leaf.shape:
            raise CompositionError(
                f"'{name}' leaves parameters without dimensions unclipped; give '{leaf.name}' one"
            )


def innermost(strategy: Any) -> Any:
    """Return the strategy inside all wrappers."""
    return innermost(strategy.strategy) if isinstance(getattr(strategy, INNER, None), Strategy) else strategy


@contextmanager
def quiet() -> Iterator[None]:
    """Let Flower's logger say nothing for a while; what it tells of rounds, our own events tell."""
    logger = logging.getLogger("flwr")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _class(name: str) -> Any:
    return getattr(flowers, pick("strategy of Flower's", name, dict.fromkeys(NAMES, name)))


def _inside(stock: Stock) -> str | None:
    inner = stock.inner
    if not inner:
        return None
    return pick(f"strategy inside '{PREFIX}{stock.name}'", inner, {n: n for n in NAMES if WRAPPER not in n})


def _options(made: Any) -> dict[str, inspect.Parameter]:
    types = get_type_hints(made.__init__)
    given = inspect.signature(made.__init__).parameters
    return {
        name: given[name].replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=types[name])
        for name in given
        if name not in OURS
        and {types.get(name), *get_args(types.get(name))} & {*PLAIN}
        and _plain(types[name])
    }


def _plain(kind: Any) -> bool:
    return set(get_args(kind) or (kind,)) <= set(PLAIN)


def _made(name: str, values: Mapping[str, Any]) -> Strategy:
    made = _class(name)
    measured = {"fraction_evaluate": 0.0} if "fraction_evaluate" in inspect.signature(made).parameters else {}
    try:
        strategy: Strategy = made(**measured, **values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"'{PREFIX}{name}' refuses its options: {str(error).rstrip('.')}") from None
    return strategy


def _are(sites: int) -> str:
    return "is 1" if sites == 1 else f"are {sites}"
