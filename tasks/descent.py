"""How the weights of a task go down: SGD with momentum, or one that adapts its steps; one rate for all."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

ADAPTIVE: Mapping[str, Any] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def descent(model: nn.Module, options: Any) -> torch.optim.Optimizer:
    """Return an optimiser over all of a model's parameters.

    Args:
        model: whose.
        options: of a task: ``optimiser``, "sgd" or one of :data:`ADAPTIVE`; ``rate``, the peak;
            ``weight_decay``, L2; and of SGD alone ``momentum``, Nesterov's.
    """
    more = {"lr": options.rate, "weight_decay": options.weight_decay, "foreach": True}
    if options.optimiser not in ADAPTIVE:
        more |= {"momentum": options.momentum, "nesterov": options.momentum > 0}
    kind = ADAPTIVE.get(options.optimiser, torch.optim.SGD)
    made: torch.optim.Optimizer = kind(model.parameters(), **more)
    return made


def remembers(options: Any) -> bool:
    """Return whether a site's optimiser has anything to remember of a round, and is to."""
    return bool(options.keep_momentum and (options.optimiser in ADAPTIVE or options.momentum > 0.0))


def plain(options: Any) -> bool:
    """Return whether a step is rate times gradient, and weight decay, alone."""
    return options.optimiser not in ADAPTIVE and options.momentum == 0.0
