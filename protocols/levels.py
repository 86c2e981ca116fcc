"""The privacy levels: who is a client, what leaves, and what never does."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from isofed.config import within
from isofed.contracts import Contract, NumberContract, TableContract, TreeContract
from isofed.errors import CompositionError
from isofed.suggest import pick
from isofed.trees import Layout

STATE = "model_state"
CENTRES = "identity_centres"
ROWS = "identity_head_rows"
CONTROL = "control_variates"
MEANINGS = (STATE, CENTRES, ROWS, CONTROL)
_NEVER = ("images", "file names and paths", "features of single images", "labels of single images")


@dataclass(frozen=True)
class Level:
    """One privacy level.

    Args:
        name: as written in ``protocol=``.
        client: who a client is, in plain words.
        leaves: what leaves a client, in plain words.
        never: what never does.
        allows: the meanings of channels that it lets out.
        private_head: whether identity numbers, and with them the head, stay at the site.
        opens: whether ``centres=`` can let identity centres out.
    """

    name: str
    client: str
    leaves: tuple[str, ...]
    never: tuple[str, ...]
    allows: frozenset[str]
    private_head: bool = False
    opens: bool = True

    def closed(self) -> "Level":
        """Return this level for a task whose heads and identity centres tell who somebody is.

        Both stay at the sites, whatever is asked for; where nothing leaves anyway, nothing changes.
        """
        if not self.never:
            return self
        never = (*_NEVER, "identity numbers", "the head and identity centres, whatever centres= says")
        return replace(
            self,
            leaves=_BODY,
            never=never,
            allows=frozenset({STATE, CONTROL}),
            private_head=True,
            opens=False,
        )


_NUMBERS = (
    "a few numbers a round: examples, steps, mean training loss, and what a strategy's rule needs beside"
)
_MEASURED = (
    "with holdout=, counts over samples that a client keeps from training: how many, and how many of them "
    "the model gets right; no privacy step hides these"
)
_SENTENCES = (
    "sentences about errors: they may hold counts, such as of images, but no path and no person's number"
)
_CONTROL = "with strategies that use them, control variates: changes of a mean of the client's gradients"
_SHARED = (
    "model state: every parameter, the head included, and every running statistic",
    _CONTROL,
    "identity centres, with strategies that use them: a mean of features for each identity, no image in it "
    "weighing more than 1/min_images; a centre that one client alone sent goes on to all others as it is",
    "for whom there is such a centre: as clients number people alike, this tells which people a client saw",
    _NUMBERS,
    _MEASURED,
    _SENTENCES,
)
_BODY = ("model state without the head", _CONTROL, _NUMBERS, _MEASURED, _SENTENCES)

LEVELS: Mapping[str, Level] = {
    "camera": Level("camera", "one camera", _SHARED, _NEVER, frozenset({STATE, CONTROL, CENTRES, ROWS})),
    "camera_strict": Level(
        "camera_strict",
        "one camera, whose numbers for people are its own",
        (
            "model state without the head",
            _CONTROL,
            "with centres=plain, which every report then shows: identity centres under the camera's own "
            "numbers; with centres=with_rows the head's rows of these identities, too",
            _NUMBERS,
            _MEASURED,
            _SENTENCES,
        ),
        (*_NEVER, "identity numbers", "the head and identity centres, unless centres= allows them"),
        frozenset({STATE, CONTROL}),
        private_head=True,
    ),
    "entity": Level(
        "entity",
        "one institution with all its cameras",
        _SHARED,
        _NEVER,
        frozenset({STATE, CONTROL, CENTRES, ROWS}),
    ),
    "sharing": Level(
        "sharing",
        "no federation: one trainer holds everything",
        ("nothing: a one-client run inside one process; the bytes shown never left it",),
        (),
        frozenset({STATE, CONTROL, CENTRES, ROWS}),
    ),
}

STRICTNESS = ("sharing", "entity", "camera", "camera_strict")
"""The levels, the strictest last: data declared for one may be used under it and under those after it."""

CENTRE_CHOICES: Mapping[str, frozenset[str] | None] = {
    "level": None,
    "none": frozenset(),
    "plain": frozenset({CENTRES}),
    "with_rows": frozenset({CENTRES, ROWS}),
}


@dataclass(frozen=True)
class LevelOptions:
    """What the user sets about a level.

    Args:
        min_images: an identity centre leaves only if no image makes up more than 1/min_images of it, so
            that at least so many different ones stand behind it; at least 1.
        centres: whether identity centres may leave: as the ``level`` says, ``none``, ``plain``, or
            ``with_rows``, that is, with the head's rows of the same identities.
    """

    min_images: int = 2
    centres: str = "level"

    def __post_init__(self) -> None:
        within("min_images", self.min_images, 1, 1_000_000)
        pick("centres", self.centres, CENTRE_CHOICES)


def allowed(level: Level, options: LevelOptions) -> frozenset[str]:
    """Return the meanings of channels that may leave under a level with these options."""
    chosen = CENTRE_CHOICES[options.centres] if level.opens else None
    return level.allows if chosen is None else (level.allows - {CENTRES, ROWS}) | chosen


def permit(level: Level, options: LevelOptions, meanings: Mapping[str, str]) -> None:
    """Raise CompositionError if a level keeps what a strategy sends.

    Args:
        level: decides which meanings are let out.
        options: whether centres leave.
        meanings: what the rows of each further channel are.
    """
    if not level.opens and CENTRE_CHOICES[options.centres]:
        raise CompositionError(
            f"protocol.centres={options.centres} lets identity centres out, which here tell who somebody is "
            "and stay at the sites; write protocol.centres=level"
        )
    for name, meaning in meanings.items():
        if meaning not in MEANINGS:
            raise CompositionError(
                f"protocol '{level.name}' keeps {meaning.replace('_', ' ')} at the site, as every level does "
                f"with what it does not know, but the strategy sends them in channel '{name}'; "
                f"use one of the meanings {', '.join(MEANINGS)}, if it is that"
            )
        if meaning not in allowed(level, options):
            raise CompositionError(
                f"protocol '{level.name}' keeps {meaning.replace('_', ' ')} at the site, but the strategy "
                f"sends them in channel '{name}'; use strategy=fedavg"
                f"{_permitting(level, ROWS in meanings.values())}"
            )


def contract(
    level: Level,
    options: LevelOptions,
    trees: Mapping[str, Layout],
    tables: Mapping[str, tuple[str, int | None, int]],
    head: tuple[str, ...] = (),
    numbers: tuple[str, ...] = (),
    changes: Mapping[str, tuple[str, Layout]] = MappingProxyType({}),
) -> Contract:
    """Write down what a report may hold.

    Args:
        level: decides which meanings are let out.
        options: the minimum count, and whether centres leave.
        trees: layout of each travelling group of the model.
        tables: (meaning, rows, width) of each further channel; rows None where the site alone knows them.
        head: state-dict prefixes of the task's head.
        numbers: further public numbers that the strategy's rule needs, keys of ``FURTHER`` or its own.
        changes: (meaning, layout) of each further tree, of which changes are sent.

    Raises:
        CompositionError: the recipe wants to send what the level keeps, or nothing at all.
    """
    if level.private_head and head and any(x.name.startswith(head) for t in trees.values() for x in t.leaves):
        raise CompositionError(
            f"protocol '{level.name}' keeps the head at the site, but the strategy shares it; use a strategy "
            "that shares the model without its head"
        )
    sent = {name: meaning for name, (meaning, *_) in tables.items()}
    permit(level, options, sent | {name: meaning for name, (meaning, _) in changes.items()})
    if not sent and not changes and not any(layout.leaves for layout in trees.values()):
        raise CompositionError(
            "of this strategy nothing would leave a site, so that nothing would be learnt together; share a "
            "part of the model, or add a channel"
        )
    channels: dict[str, TreeContract | TableContract] = {
        name: TreeContract("value", layout, STATE) for name, layout in trees.items()
    }
    for name, (meaning, layout) in changes.items():
        channels[name] = TreeContract("delta", layout, meaning)
    for name, (meaning, rows, width) in tables.items():
        channels[name] = TableContract(rows, width, options.min_images, meaning)
    return Contract(level.name, channels, {**NUMBERS, **{name: further(name) for name in numbers}})


def further(name: str) -> NumberContract:
    """Return what holds for a number beside ``NUMBERS``; a user's own strategy may need any finite one."""
    own = NumberContract(False, -1e12, 1e12, f"'{name}', which the strategy's rule needs")
    return FURTHER.get(name, own)


def _permitting(level: Level, rows: bool) -> str:
    """Return what else to write so that centres, and perhaps the head's rows, may leave; if they may."""
    if not level.opens:
        return ""
    if level.private_head:
        return f" or protocol={level.name} protocol.centres={'with_rows' if rows else 'plain'}"
    return " or protocol.centres=level"


NUMBERS: Mapping[str, NumberContract] = {
    "examples": NumberContract(True, 1, 1e12, "images that the update stands for"),
    "steps": NumberContract(True, 1, 1e12, "optimiser steps taken"),
    "loss": NumberContract(False, -1e12, 1e12, "mean training loss over the steps"),
}

FURTHER: Mapping[str, NumberContract] = {
    "normaliser": NumberContract(
        False, 1e-12, 1e12, "FedNova's a: how far the round's steps reach under a gradient of one"
    ),
    "distance": NumberContract(
        False, 0.0, 2.0, "FedReID's weight: mean cosine distance between outputs before and after the round"
    ),
    "norm_bit": NumberContract(True, 0, 1, "whether the update was clipped, which adaptive clipping counts"),
    "start_loss": NumberContract(
        False, 0.0, 1e12, "q-FedAvg's F_k: mean loss over the round's batches at the model as received"
    ),
    "square": NumberContract(
        False, 0.0, 1e30, "q-FedAvg's ‖w_k - w‖²: squared distance that the round moved the parameters"
    ),
}
