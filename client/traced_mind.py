"""What a model keeps in mind beside parameters and buffers, of which a list of operations knows nothing."""

import io
import pickle
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from torch import nn

OWN = ("_parameters", "_buffers", "_modules")  # of a module, which a step is given


@dataclass(frozen=True, eq=False)
class Mind:
    """What a model's modules hold, as it was.

    Args:
        written: as bytes, the same as long as nothing has changed.
        named: functions, classes and modules in it, by number.
    """

    written: bytes
    named: dict[str, Any] = field(repr=False)


def mind_of(model: nn.Module) -> Mind | None:
    """Return what a model holds now; None where that cannot be told."""
    held = {name: _held(module) for name, module in model.named_modules()}
    file, named = io.BytesIO(), dict[str, Any]()
    writer = _Writer(file, pickle.HIGHEST_PROTOCOL)
    writer.named = named
    try:
        writer.dump(held)
    except Exception:  # whatever anybody's model holds, such as an open file
        return None
    return Mind(file.getvalue(), named)


def remind(model: nn.Module, mind: Mind) -> bool:
    """Let a model hold again what it held, where that is something else by now; return whether it was."""
    now = mind_of(model)
    if now is not None and now.written == mind.written:
        return False
    reader = _Reader(io.BytesIO(mind.written))
    reader.named = mind.named
    held = reader.load()
    for name, module in model.named_modules():
        for key in _held(module):
            del vars(module)[key]
        vars(module).update(held[name])
    return True


def _held(module: nn.Module) -> dict[str, Any]:
    return {key: value for key, value in vars(module).items() if key not in OWN}


class _Writer(pickle.Pickler):
    named: dict[str, Any]

    def persistent_id(self, found: Any) -> str | None:
        if not isinstance(found, FunctionType | ModuleType | type):
            return None
        self.named[str(id(found))] = found  # held on to, lest another be given its number
        return str(id(found))


class _Reader(pickle.Unpickler):
    named: dict[str, Any]

    def persistent_load(self, number: str) -> Any:
        return self.named[number]
