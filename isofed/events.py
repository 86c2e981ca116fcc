"""How server, client and simulations say what happens, without knowing who listens.

An event is a name and fields of plain values. A sink is any callable ``sink(name, **fields)``:
a progress line, a file, TensorBoard.
"""

from typing import Any, Protocol

OWN = "own"  # in an event's metrics, what sites measured on samples of their own


class Emit(Protocol):
    """A listener; it must not change its arguments, and it may not raise."""

    def __call__(self, name: str, **fields: Any) -> None:
        """Take one event."""


def silent(name: str, **fields: Any) -> None:
    """Listen to nothing."""


def fan_out(*sinks: Emit) -> Emit:
    """Return a sink that passes every event to each of ``sinks`` in order."""

    def emit(name: str, **fields: Any) -> None:
        for sink in sinks:
            sink(name, **fields)

    return emit


def within(emit: Emit, **more: Any) -> Emit:
    """Return a sink that adds the same fields to every event."""

    def inner(name: str, **fields: Any) -> None:
        emit(name, **more, **fields)

    return inner
