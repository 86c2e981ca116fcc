"""What an engine and the runner say to each other, so that engines can take turns round by round."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from workloads import Workload

ROUND = "round"


@dataclass(frozen=True)
class Job:
    """What an engine is to run.

    Args:
        engine: its name in the table of engines.
        workload: with its users in ``folder``.
        folder: of the data; an engine writes below ``scratch`` only.
        threads: of torch in each process.
        workers: processes that train.
    """

    engine: str
    workload: Workload
    folder: Path
    scratch: Path
    threads: int
    workers: int


@dataclass
class Turns:
    """An engine's end of the line: it asks for a turn, and says when the round is over.

    Whatever else is written to the standard output, such as by Ray, goes to the standard error.
    """

    _out: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def take(self) -> bool:
        """Wait for the next turn; False says that there is none."""
        return sys.stdin.readline().strip() == ROUND

    def done(self, **facts: Any) -> None:
        """Say that the round is over."""
        self._out.write(json.dumps(facts) + "\n")

    def finish(self, path: Path, weights: dict[str, np.ndarray]) -> None:
        """Write the final weights for the runner to compare."""
        np.savez(path, **weights)  # type: ignore[arg-type]
        self.done(weights=str(path))
