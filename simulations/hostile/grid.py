"""Any Flower grid, on which some sites' replies are changed on their way to the server."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from isofed.seeds import public
from isofed.simulations.grid import TRAIN, exchange
from isofed.simulations.hostile.attacks import Attack
from isofed.simulations.hostile.crafts import Sight
from isofed.simulations.hostile.replies import Buffers, model_of, replace_model

ALL = ""  # whose chance colluders have


@dataclass(frozen=True)
class Asked:
    """One order of a round: to whom, in which round, from which model."""

    site: str
    round: int
    start: Buffers


@dataclass
class Scene:
    """A round as hostile sites see it: who was asked, and what has come.

    Args:
        asked: orders by message.
        honest: by site, its changes, in float64.
        held: hostile replies that wait for others.
        silent: those who were asked and sent no model.
    """

    asked: dict[str, Asked] = field(default_factory=dict)
    honest: dict[str, Buffers] = field(default_factory=dict)
    held: dict[str, Message] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)


class HostileGrid(Grid):
    """Passes messages on; the replies to training orders of hostile sites are changed.

    What is sent depends on the round's replies alone, never on the order in which they come: where an attack
    looks at several, the hostile ones are held back until all are there, and the others are taken in the
    order of their sites' names.

    Args:
        grid: that delivers them.
        attack: what hostile sites do.
        hostile: their names by number.
        site: a number to the name of its site.
        seed: of the run.
    """

    def __init__(
        self, grid: Grid, attack: Attack, hostile: Mapping[int, str], site: Callable[[int], str], seed: int
    ) -> None:
        self._grid, self._attack, self._hostile, self._site, self._seed = grid, attack, hostile, site, seed
        self._scene = Scene()

    def set_run(self, run: Any) -> None:
        """Pass on Flower's run."""
        self._grid.set_run(run)

    @property
    def run(self) -> Any:
        """Flower's run."""
        return self._grid.run

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        """Return a message; kept because Flower's interface has it."""
        return self._grid.create_message(*args, **kwargs)

    def get_node_ids(self) -> Iterable[int]:
        """Return all nodes' numbers."""
        return self._grid.get_node_ids()

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Take messages, and note what the training orders among them began with."""
        messages = list(messages)
        noted = [_noted(message, self._site) for message in messages]
        ids = list(self._grid.push_messages(messages))
        self._scene = Scene({each: asked for each, asked in zip(ids, noted, strict=True) if asked})
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that are there, those of hostile sites as they send them."""
        # Flower calls a reply lost that is asked for once more
        left = [each for each in message_ids if each not in self._scene.held]
        passed = [reply for reply in self._grid.pull_messages(left) if not self._kept(reply)]
        return [*passed, *self._released()]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Push messages and return all replies, in the order in which they come."""
        return exchange(self, messages)

    def _kept(self, reply: Message) -> bool:
        """Look at a reply; return whether it is a hostile site's, which is held back."""
        scene, identifier = self._scene, reply.metadata.reply_to_message_id
        asked = scene.asked.get(identifier)
        if asked is None:
            return False
        if not reply.has_content() or model_of(reply.content) is None:
            scene.silent.add(identifier)
            return False
        if reply.metadata.src_node_id in self._hostile:
            scene.held[identifier] = reply
            return True
        if self._attack.waits:
            scene.honest[asked.site] = _change(reply.content, asked.start)
        return False

    def _released(self) -> list[Message]:
        """Return the hostile replies that can be made by now."""
        scene, attack = self._scene, self._attack
        missing = len(scene.asked) - len(scene.honest) - len(scene.held) - len(scene.silent)
        if not scene.held or (attack.waits and missing):
            return []
        order = sorted(scene.held, key=lambda each: scene.asked[each].site)
        replies = [scene.held[each] for each in order]
        if attack.craft is not None:
            own = [_change(scene.held[each].content, scene.asked[each].start) for each in order]
            for place, each in enumerate(order):
                self._crafted(scene.held[each], scene.asked[each], place, own)
        for reply in replies if attack.spoilt else ():
            replace_model(reply.content, lambda key, array: attack.spoilt(array))  # type: ignore[misc]
        scene.held.clear()
        scene.silent.update(order)  # nobody waits for them any more
        return replies

    def _crafted(self, reply: Message, asked: Asked, place: int, own: list[Buffers]) -> None:
        scene, attack = self._scene, self._attack
        assert attack.craft is not None
        craft, site = attack.craft, ALL if attack.together else asked.site
        honest = [scene.honest[name] for name in sorted(scene.honest)] or own
        hostile = sum(self._is_hostile(each.site) for each in scene.asked.values())

        def change(key: str, array: np.ndarray) -> np.ndarray:
            if array.dtype.kind != "f":
                return array
            mine = np.mean([each[key] for each in own], axis=0) if attack.together else own[place][key]
            seen = np.stack([each[key] for each in honest]) if attack.sees else mine[None]
            chance = public(self._seed, asked.round, site, f"attack {attack.name} {key}")
            with np.errstate(over="ignore", invalid="ignore"):
                found = craft(Sight(mine, seen, len(scene.asked), hostile, chance))
                return (found + _from(reply.content, asked.start, key)).astype(array.dtype)

        replace_model(reply.content, change)

    def _is_hostile(self, site: str) -> bool:
        return site in self._hostile.values()


def _noted(message: Message, site: Callable[[int], str]) -> Asked | None:
    """Return what is to be known of an order; None where it asks for no training."""
    found = model_of(message.content) if message.metadata.message_type == TRAIN else None
    if found is None:
        return None
    return Asked(site(message.metadata.dst_node_id), int(message.metadata.group_id), found[1])


def _change(content: RecordDict, start: Buffers) -> Buffers:
    """Return a reply's change, (d,) float64 by dtype."""
    found = model_of(content)
    assert found is not None
    return {key: array.astype(np.float64) - _from(content, start, key) for key, array in found[1].items()}


def _from(content: RecordDict, start: Buffers, key: str) -> Any:
    """Return what a reply's model is counted from: nothing where it is a change already."""
    found = model_of(content)
    assert found is not None
    return start[key].astype(np.float64) if found[0] == "value" else 0.0
