"""What a site makes of an order before it follows it."""

from typing import Any

from flwr.app import Message

from isofed.client.place import TRAINER, Place
from isofed.client.workshop import WITH_BASE, Workshop
from isofed.errors import ContractError
from isofed.protocols import wire
from isofed.records import Order
from isofed.spans import PROTOCOL, spanned
from isofed.strategies.share import TRAVELLING


@spanned(PROTOCOL, "order")
def order_in(shop: Workshop, place: Place, message: Message, role: str, form: Any = wire) -> Order:
    """Return the order in a message after everything that speaks against following it.

    Args:
        shop: of the run that the site was given.
        place: the site, and what it agreed to.
        message: as it came.
        role: whom the message is for.
        form: how the run writes its messages: wire.py, or plain.py.

    Raises:
        ContractError: what speaks against it.
    """
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
