"""When a reply is paid for out of a site's privacy budget: before it is trained, stored or sent."""

from collections.abc import Iterator
from importlib import import_module

from isofed.client.budget import Budget, Limit, Reply
from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.errors import ContractError
from isofed.protocols.local_privacy import Spend
from isofed.records import Order


def budget_of(place: Place) -> Budget:
    """Return a site's account; a simulated site's is of its federation alone and waits for no disk."""
    return Budget(place.budget_file, durable=place.simulated is None)


def price(shop: Workshop, place: Place, order: Order) -> Spend | None:
    """Return what the reply to an order costs, before anything is trained; None without DP at the site.

    Raises:
        ContractError: it would cost everything, at a site that keeps a budget.
    """
    if shop.setting.dp is None:
        if place.budget:
            raise ContractError(
                "this site keeps a privacy budget, but the run trains without differential privacy at the "
                "sites, which no budget is enough for; run it with dp=example or dp=subject"
            )
        return None
    # only where it is wanted: this brings Opacus
    found: Spend = import_module("isofed.client.private.step").begun(shop, place, order).spend
    return found


def afford(shop: Workshop, place: Place, order: Order) -> None:
    """Raise SpentError, before any work is done, if the reply would cost more than is left."""
    limits = list(_limits(shop, place))
    spend = price(shop, place, order) if limits else None
    if spend is not None:
        budget_of(place).refuse(_reply(order), spend, limits)


def pay(shop: Workshop, place: Place, order: Order, spend: Spend | None) -> None:
    """Charge a reply, once; only then may it be stored or sent.

    Args:
        shop: of the run.
        place: whose budget.
        order: that is answered.
        spend: as the training found it; None where there was no DP.

    Raises:
        SpentError: it would cost more than is left.
    """
    if spend is not None:
        budget_of(place).charge(_reply(order), spend, _limits(shop, place))


def _reply(order: Order) -> Reply:
    return Reply(order.run, order.round, order.attempt)


def _limits(shop: Workshop, place: Place) -> Iterator[Limit]:
    choice = shop.setting.dp
    if place.budget:
        yield Limit(place.budget, place.budget_delta, "its policy.toml ('budget')")
    if choice is not None and getattr(choice, "budget", None) is not None:
        yield Limit(choice.budget, choice.delta, "the run (dp.budget)", shop.setting.run, choice.accountant)
