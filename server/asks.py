"""What a round asks of a site, and what it hears."""

from dataclasses import dataclass

from isofed.protocols.refusals import PLAIN
from isofed.records import Order, Report


@dataclass(frozen=True)
class Ask:
    """One order for one site."""

    site: str
    order: Order


@dataclass(frozen=True)
class Refusal:
    """A site that gave no usable report, and why.

    Args:
        reason: in words fit for a log.
        code: of :data:`isofed.protocols.refusals.CODES`, as the site declared it.
    """

    reason: str
    code: str = PLAIN


Reply = tuple[str, Report | Refusal]
