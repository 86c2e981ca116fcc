#!/usr/bin/env python3
"""One malformed or non-finite reply is refused by name of site, and the round goes on by its rule.

    python tests/acceptance/issue_11/malformed.py [STRATEGY ...]

Six drawn cameras, two rounds on the local engine; what one of them sends is spoilt on its way to the server,
in each of the ways below. Every robust strategy with its default options must then end with the model that
the same rule makes of the five others' replies, to the last bit, and say in its history, and as it happens,
which site was refused and why. FedAvg, which by default needs all that it asks, must end with a sentence that
names the site; with five as the fewest, as `engine.minimum=5` sets it, it must go on, too; so must Bulyan,
which bears no faulty site among six. FLTrust is played on five databases of action units.
Prints a line for each; exits with 1 where one fails.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "contracts"))

import numpy as np
import torch
from cases import CASES, World
from flwr.app import Array, ArrayRecord, Error, Message, RecordDict

from isofed.errors import RoundError
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.grid import LocalGrid
from isofed.simulations.pool import Pool
from isofed.strategies.named.robust import NAMED
from isofed.tasks import TASKS

THIRD, MODEL = 2, "value.model"  # place of the site whose replies are spoilt
ROOTED, FACES = "fltrust", "action_units"  # refused where labels are people, so played on this task
Spoil = Callable[[Message], None]


def filled(value: float) -> Spoil:
    """Return what writes a value over one number of the model."""

    def spoil(message: Message) -> None:
        def change(array: np.ndarray) -> np.ndarray:
            array[len(array) // 2] = value
            return array

        changed(message, change)

    return spoil


def changed(message: Message, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Put other arrays in the place of a reply's model."""
    record: Any = message.content[MODEL]
    message.content[MODEL] = ArrayRecord({k: Array(change(a.numpy().copy())) for k, a in record.items()})


def garbage(message: Message) -> None:
    """Let an array say what the contract says, with other bytes."""
    record: Any = message.content[MODEL]
    spoilt = {k: Array(a.dtype, a.shape, a.stype, b"\x00" * 64) for k, a in record.items()}
    message.content[MODEL] = ArrayRecord(spoilt)


def without(message: Message) -> None:
    """Leave the model out."""
    del message.content[MODEL]


def beside(message: Message) -> None:
    """Send something that nobody asked for."""
    message.content["value.images"] = ArrayRecord({"float32": Array(np.zeros(9, np.float32))})


def of_another_round(message: Message) -> None:
    """Answer an order that nobody gave."""
    fields: Any = message.content["report"]
    fields["round"] = 7
    fields["version"] = f"7.{fields['attempt']}"


SPOILT: Mapping[str, Spoil] = {
    "a NaN": filled(float("nan")),
    "an infinity": filled(float("inf")),
    "minus infinity": filled(float("-inf")),
    "a wrong shape": lambda message: changed(message, lambda array: array[:-1]),
    "two dimensions": lambda message: changed(message, lambda array: array.reshape(1, -1)),
    "a wrong dtype": lambda message: changed(message, lambda array: array.astype(np.float64)),
    "bytes that are no array": garbage,
    "no model": without,
    "something beside": beside,
    "another round": of_another_round,
}


def spoiling(node: int, spoil: Spoil | None) -> type[LocalGrid]:
    """Return a grid on which one node's replies are spoilt, or, where nothing is said, do not come at all."""

    class Spoiling(LocalGrid):
        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            return [self._spoilt(reply) for reply in super().pull_messages(message_ids)]

        def _spoilt(self, reply: Message) -> Message:
            if reply.metadata.src_node_id != node or reply.metadata.message_type != "train":
                return reply
            if spoil is None:
                asked = Message(RecordDict(), node, "train")
                asked.metadata._message_id = reply.metadata.reply_to_message_id
                return Message(Error(1, "gone"), reply_to=asked)
            spoil(reply)
            return reply

    return Spoiling


def made(world: World, folder: Path, strategy: str) -> Federation:
    """Return a federation of all sites; the server's root set, where there is one, is what they hold."""
    public = world.root if strategy == ROOTED else None
    return replace(world.federation(folder, {"name": strategy}), public=public)


def played(federation: Federation, spoil: Spoil | None, fewest: int | None = None) -> tuple[Any, list[Any]]:
    """Run it with one site's replies spoilt; return its result, and what was told of refusals."""
    told: list[Any] = []

    def emit(name: str, **fields: Any) -> None:
        if name == "refused":
            told.append((fields["round"], fields["site"], fields["reason"]))

    company = federations._company

    def with_fewest(*given: Any) -> Any:
        return replace(company(*given), fewest=fewest)

    grid = spoiling(federation.nodes().number(federation.sites[THIRD]), spoil)
    with patch.object(federations, "LocalGrid", grid), patch.object(federations, "_company", with_fewest):
        return run(federation, Pool(1), emit), told


def checked(federation: Federation, spoil: Spoil, wanted: str, fewest: int | None = None) -> str:
    """Return what is wrong with a spoilt run, or nothing."""
    (result, told), site = played(federation, spoil, fewest), federation.sites[THIRD]
    refused = [entry["refused"] for entry in result["history"][1:]]
    if [list(each) for each in refused] != [[site], [site]]:
        return f"refused {refused}"
    if [(number, who) for number, who, _ in told] != [(1, site), (2, site)]:
        return f"told {told}"
    if result["weights_sha256"] != wanted:
        return "another model than that of the others"
    return ""


def drawn(task: str, folder: Path) -> World:
    """Draw a task's small data."""
    case, root = CASES[task], folder / task
    TASKS[task].layouts[case.layout].make(root, 0, case.make, map, None)
    return World(task, root, folder / "homes" / task, case)


def main() -> int:
    """Play every combination, print a line for each strategy, return 1 where one failed."""
    torch.set_num_threads(1)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="isofed-malformed-") as name:
        worlds = {task: drawn(task, Path(name)) for task in ("reid", FACES)}
        for strategy in sys.argv[1:] or (*NAMED, "fedavg"):
            world = worlds[FACES if strategy == ROOTED else "reid"]
            fewest = 5 if strategy in ("bulyan", "fedavg") else None
            folder = Path(name) / strategy
            wanted = played(made(world, folder / "gone", strategy), None, fewest)[0]["weights_sha256"]
            wrong = {
                how: checked(made(world, folder / how.replace(" ", "_"), strategy), spoil, wanted, fewest)
                for how, spoil in SPOILT.items()
            }
            wrong = {how: why for how, why in wrong.items() if why}
            failed += len(wrong)
            print(
                f"{'FAIL' if wrong else 'ok  '} {strategy:<18} {len(SPOILT)} ways {wrong or ''}", flush=True
            )
        try:
            played(made(worlds["reid"], Path(name) / "strict", "fedavg"), SPOILT["a NaN"])
            failed += 1
            print("FAIL fedavg went on with fewer reports than it needs")
        except RoundError as error:
            named = worlds["reid"].sites[THIRD] in str(error)
            failed += not named
            print(f"{'ok  ' if named else 'FAIL'} fedavg without a fewest: {error}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
