"""Reading a model out of a reply on its way, and putting another one in its place."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, RecordDict

from isofed.protocols.letter import Letter

MODEL = "model"
Buffers = Mapping[str, np.ndarray]  # of a model, by dtype


def model_of(content: RecordDict) -> tuple[str, Buffers] | None:
    """Return the kind of a message's model, ``value`` or ``delta``, and its buffers; None where it has none.

    A letter is not opened by it, so that whose reply is only looked at arrives as it was sent.
    """
    if isinstance(content, Letter):
        channel: Any = content.channels.get(MODEL)
        return None if channel is None else (channel.kind, channel.tree.as_numpy().buffers)
    for name, record in content.items():
        kind, _, channel_name = name.partition(".")
        if channel_name == MODEL and isinstance(record, ArrayRecord):
            return kind, {key: np.asarray(array.numpy()) for key, array in record.items()}
    return None


def replace_model(content: RecordDict, change: Callable[[str, np.ndarray], np.ndarray]) -> None:
    """Put other arrays in the place of a reply's model.

    Args:
        content: of the reply; becomes records.
        change: (key, array) to what is sent instead.
    """
    found = model_of(content)
    assert found is not None
    kind, buffers = found
    content[f"{kind}.{MODEL}"] = ArrayRecord(
        {key: Array(np.ascontiguousarray(change(key, array))) for key, array in buffers.items()}
    )
