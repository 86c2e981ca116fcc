"""One site asked alone, where all cameras lie and where some do not, while its openings are heard."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict

from isofed.client.workshop import Workshop
from isofed.server.strategy import Composed
from isofed.simulations import grid
from isofed.simulations.federation import EVALUATOR, Federation, first_state
from isofed.simulations.folder import load_config
from isofed.simulations.plan import make_plan


@dataclass(frozen=True)
class Asked:
    """The first order that a camera and the evaluator get in a run, and what they answer.

    Args:
        cfg: the configuration that both halves read, as JSON.
        orders: by site.
        root: the tree of which all cameras can be seen.
    """

    cfg: str
    orders: Mapping[str, Message]
    root: Path

    @classmethod
    def of(cls, run: Path, root: Path, site: str) -> "Asked":
        """Make the orders of ``site`` and of the evaluator from a run's configuration."""
        cfg, _ = load_config(run)
        plan = make_plan(cfg, run)
        shared = plan.shared(task={**cfg["task"], **plan.layout.resolve(root, plan.setting().options)})
        shop = Workshop.of(json.dumps(shared))
        grid.identify()
        strategy = Composed(shop.setting, shop.contract(None), first_state(shop), {site: 2}, {EVALUATOR: 3})
        nobody: Any = None
        (train,) = strategy.configure_train(1, ArrayRecord(), ConfigRecord(), nobody)
        (evaluate,) = strategy.configure_evaluate(0, ArrayRecord(), ConfigRecord(), nobody)
        return cls(json.dumps(shared), {site: train, EVALUATOR: evaluate}, root)

    def answer(self, site: str, home: Path, root: Path | None = None) -> Message:
        """Let a site answer; everything of its own is new and lies under ``home``."""
        federation = Federation("alone", json.loads(self.cfg), (site,), root or self.root, home, home)
        return grid.handle(self.cfg, federation.nodes()[site], RecordDict(), self.orders[site])[0]

    def heard(self, site: str, home: Path) -> tuple[Message, list[Path]]:
        """Let a site answer; return also every file and folder that Python opens meanwhile."""
        paths: list[Path] = []
        listening = True

        def hear(event: str, arguments: tuple[Any, ...]) -> None:
            wanted = listening and event in ("open", "os.listdir", "os.scandir")
            if wanted and isinstance(arguments[0], str | bytes | Path):
                paths.append(Path(os.path.realpath(os.fsdecode(arguments[0]))))

        sys.addaudithook(hear)
        reply = self.answer(site, home)
        listening = False
        return reply, paths


@contextmanager
def moved(folders: list[Path], place: Path) -> Iterator[None]:
    """Keep ``folders`` elsewhere for a while."""
    place.mkdir(exist_ok=True)
    for folder in folders:
        folder.rename(place / folder.name)
    try:
        yield
    finally:
        for folder in folders:
            (place / folder.name).rename(folder)
