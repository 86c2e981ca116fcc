"""What a round asks of a site, and what it hears."""

from dataclasses import dataclass

from isofed.records import Order, Report


@dataclass(frozen=True)
class Ask:
    """One order for one site."""

    site: str
    order: Order


@dataclass(frozen=True)
class Refusal:
    """A site that gave no usable report, and why, in words fit for a log."""

    reason: str


Reply = tuple[str, Report | Refusal]
