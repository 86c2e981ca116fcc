"""What must hold whatever went wrong: of the weights, of what is remembered, and of what is told."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

from faulty_cases import EVALUATOR, ROUNDS, SITES, Case
from faulty_play import NODES, Played, play
from faulty_sites import SIGN, Site
from faulty_stage import Stage, bits, known, make_homes, secrets
from flwr.app import Error, Message
from flwr.serverapp import Grid

from isofed.client import ledger
from isofed.client.memory import Memory
from isofed.errors import CheckpointError, RoundError
from isofed.files import load_state
from isofed.server.loop import Patience
from isofed.server.state import Checkpoints, ServerState
from isofed.simulations.federation import Company, driven
from isofed.simulations.grid import LocalGrid, Node
from isofed.simulations.pool import Pool

LOST_WITHIN = 15.0  # seconds, of the issue
ABSENT = ("dies and does not return", "joins too late")
Counted = Mapping[int, Mapping[str, str]]  # by round, the memory version of each site that was counted
DRAWN = ("quantised",)  # ways in which a new attempt draws anew, so that its bits are others


@dataclass
class Chosen:
    """A grid on which exactly those answer that shall be counted, at once and in one attempt."""

    grid: LocalGrid
    counted: Mapping[int, Iterable[str]]
    _left_out: list[Message] = field(default_factory=list)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Take messages."""
        messages = list(messages)
        names = {number: name for name, number in NODES.items()}
        ids = list(self.grid.push_messages(messages))
        self._left_out = [m for m in messages if not self._counts(m, names[m.metadata.dst_node_id])]
        for message in self._left_out:
            del self.grid._queued[message.metadata.message_id]
        return ids

    def pull_messages(self, ids: Iterable[str]) -> Iterable[Message]:
        """Return replies."""
        out, self._left_out = self._left_out, []
        return [Message(Error(1, "left out"), reply_to=message) for message in out] or list(
            self.grid.pull_messages(ids)
        )

    def _counts(self, message: Message, name: str) -> bool:
        return name == EVALUATOR or name in self.counted[int(message.metadata.group_id)]


def repeated(stage: Stage, counted: Counted) -> ServerState:
    """Run in peace, with exactly those sites and attempts.

    Args:
        stage: where.
        counted: by round, the memory version of each site that takes part.
    """
    attempts = {number: int(next(iter(each.values())).split(".")[1]) for number, each in counted.items()}
    nodes = [Node(number, stage.node_config(name)) for name, number in NODES.items()]
    with known(), patch.object(Checkpoints, "attempt", lambda _, number: attempts[number]):
        grid: Grid = Chosen(LocalGrid(nodes, stage.cfg, Pool(1)), counted)  # type: ignore[assignment]
        numbers = dict(NODES)
        evaluators = {EVALUATOR: numbers.pop(EVALUATOR)}
        company = Company(grid, numbers, evaluators, secrets(), Patience(), 1)
        return driven(stage.federation, lambda shop, emit: company, lambda name, **fields: None)[0]


@dataclass
class Judge:
    """Compares cases with runs in peace.

    Args:
        base: folder of all runs.
    """

    base: Path
    _peace: dict[Any, tuple[Stage, ServerState]] = field(default_factory=dict)

    @cached_property
    def homes(self) -> Path:
        """The folder of what the sites have whatever the run."""
        make_homes(self.base / "homes")
        return self.base / "homes"

    def peace(self, way: str) -> tuple[Stage, ServerState]:
        """Return the run in which nothing goes wrong."""
        if way not in self._peace:
            stage = Stage(way, self.base / f"peace {way}", self.homes)
            self._peace[way] = stage, play(Case(0, way, len(SITES)), stage).state
        return self._peace[way]

    def same_part(self, way: str, counted: Counted) -> tuple[Stage, ServerState]:
        """Return the run in peace in which exactly these took part."""
        key = way, json.dumps(counted, sort_keys=True)
        if key not in self._peace:
            stage = Stage(way, self.base / f"part {len(self._peace)}", self.homes)
            self._peace[key] = stage, repeated(stage, counted)
        return self._peace[key]

    def tried(self, case: Case) -> list[str]:
        """Play a case and return what is wrong with it."""
        stage = Stage(case.way, self.base / f"case {case.number}", self.homes)
        try:
            return self.wrong(play(case, stage))
        except RoundError as error:
            return [str(error)]

    def wrong(self, played: Played) -> list[str]:
        """Return what does not hold; nothing where all is well."""
        return [*self._weights(played), *memories(played), *told(played), *measured(played), *ledgers(played)]

    def _weights(self, played: Played) -> Iterator[str]:
        way, state, counted = played.case.way, played.state, counted_in(played)
        stage, wanted = self.same_part(way, counted)
        yield from (f"other {what} than with the counted replies" for what in others(state, wanted))
        yield from other_memories(played.stage, stage, wanted)
        if state.versions != wanted.versions:
            yield f"the versions are {dict(state.versions)} instead of {dict(wanted.versions)}"
        complete = all(sorted(each) == list(SITES) for each in counted.values())
        if played.case.all_count and not complete:
            yield f"not all replies were counted: {counted}"
        fresh = {version.split(".")[1] for each in counted.values() for version in each.values()} != {"1"}
        if complete and not (fresh and way in DRAWN):
            _, whole = self.peace(way)
            yield from (f"other {what} than without a fault" for what in others(state, whole))


def counted_in(played: Played) -> dict[int, dict[str, str]]:
    """Return by round the memory version of each site that was counted.

    The state names the last one; those before it stand in the checkpoints.
    """
    folder, found = played.stage.folder / "checkpoints", dict[int, dict[str, str]]()
    for number in range(1, ROUNDS + 1):
        entry = played.state.history[number]
        meta, _ = load_state(folder / f"round_{number:06d}.ckpt", "a checkpoint")
        found[number] = {site: meta["versions"][site] for site in entry["examples"]}
    return found


def others(one: ServerState, other: ServerState) -> Iterator[str]:
    """Yield the parts of the server's state that differ in a bit."""
    for what in ("trees", "optimiser"):
        ours, theirs = getattr(one, what), getattr(other, what)
        if {name: bits(tree) for name, tree in ours.items()} != {n: bits(t) for n, t in theirs.items()}:
            yield what
    tables = [
        {name: (bits(table.values), bits(table.counts)) for name, table in state.tables.items()}
        for state in (one, other)
    ]
    if tables[0] != tables[1]:
        yield "tables"


def other_memories(stage: Stage, other: Stage, wanted: ServerState) -> Iterator[str]:
    """Yield what sites remember otherwise, in the version that counts, than in the other run."""
    for site, version in wanted.versions.items():
        try:
            ours, theirs = (_remembered(each, site, version) for each in (stage, other))
        except CheckpointError as error:
            yield f"{site}: {error}"
            continue
        if ours != theirs:
            yield f"{site} remembers other things"


def _remembered(stage: Stage, site: str, version: str) -> dict[str, Any]:
    return {name: bits(value) for name, value in Memory(stage.memory(site)).load(version).items()}


def memories(played: Played) -> Iterator[str]:
    """Each site has the version that the server names, at most one beside, and nothing half written."""
    for site, version in played.state.versions.items():
        folder = played.stage.memory(site)
        found = sorted(path.name for path in folder.iterdir())
        if version and f"{version}.state" not in found:
            yield f"{site} has {found}, but the server names {version}"
        states = [name for name in found if not name.startswith(".")]
        if len(states) > 2 or (played.sites[site].up and len(found) > len(states)):
            yield f"{site} keeps {found}"


def told(played: Played) -> Iterator[str]:
    """Nothing is counted twice, and nothing is lost in silence."""
    entries = played.state.history
    if played.gave_up and played.case.minimum < len(SITES):
        yield f"the run gave up, although enough sites were there: {played.gave_up}"
    if [entry["round"] for entry in entries] != list(range(ROUNDS + 1)):
        yield f"the history has the rounds {[entry['round'] for entry in entries]}"
    spoken = {(f["round"], f["site"], f["reason"]) for _, name, f in played.events if name == "refused"}
    for entry in entries[1:]:
        if sorted([*entry["examples"], *entry["refused"]]) != list(SITES):
            yield f"round {entry['round']} counts {list(entry['examples'])}, refuses {entry['refused']}"
        for site, reason in entry["refused"].items():
            if (entry["round"], site, reason) not in spoken or not reason:
                yield f"nobody was told that {site} was refused in round {entry['round']}"
            if not _harmed(played, site, entry["round"]):
                yield f"{site} was refused in round {entry['round']} ({reason}), where nothing went wrong"
    refused = Counter(site for entry in entries[1:] for site in entry["refused"])
    for fault in played.case.faults:
        if fault.kind not in ABSENT and refused[fault.site] > 1:
            yield f"{fault.site} was refused in {refused[fault.site]} rounds, but struck once"
    yield from _lost(played)


def measured(played: Played) -> Iterator[str]:
    """Every evaluation that is due is made, or left out because nobody was there; and the last is made."""
    away = {f.round for f in played.case.faults if f.kind == "is away for an evaluation"}
    spoken = {f["round"]: f["reason"] for _, name, f in played.events if name == "unmeasured"}
    for entry in played.state.history:
        number, out = entry["round"], entry.get("unmeasured")
        due = number % 2 == 0 and not (number in away and number != ROUNDS)
        if bool(entry["metrics"]) != due or (out is None) != (due or number % 2 == 1):
            yield f"round {number} is {'not ' * due}measured: {entry['metrics']}, {out}"
        if out is not None and (spoken.get(number) != out or "not heard of" not in out):
            yield f"that round {number} is not measured was told as {spoken.get(number)} instead of {out}"


def _harmed(played: Played, site: str, round: int) -> bool:
    faults = [fault for fault in played.case.faults if fault.site == site]
    return any(not fault.harmless and round >= fault.round for fault in faults)


def _lost(played: Played) -> Iterator[str]:
    """A site that dies is told of within 15 s, if it is away for as long, and so is its return."""
    ended = max((when for when, *_ in played.events), default=0.0)
    # while the server is dead nobody is told of anything
    dead = [] if played.starts == 1 else played.sites
    for name, site in played.sites.items():
        for kind, _, died in site.deaths if not dead else ():
            back = next((f.back for f in played.case.faults if f.site == name), None)
            rose = float("inf") if back is None else died + back
            if rose - died <= LOST_WITHIN + SIGN or ended <= died + LOST_WITHIN:
                continue
            if not _heard(played, "lost", name, died, LOST_WITHIN):
                yield f"{name} {kind} at {died:.1f} s, of which nobody was told"
            if ended > rose + LOST_WITHIN and not _heard(played, "back", name, rose, LOST_WITHIN):
                yield f"{name} returned at {rose:.1f} s, of which nobody was told"


def _heard(played: Played, event: str, site: str, since: float, within: float) -> bool:
    told = (when for when, name, fields in played.events if name == event and fields["site"] == site)
    return any(since <= when <= since + within for when in told)


def ledgers(played: Played) -> Iterator[str]:
    """A line for each report that left; two where a site died between its line and its memory."""
    for name, site in played.sites.items():
        if name != EVALUATOR:
            yield from _ledger(played, site)


def _ledger(played: Played, site: Site) -> Iterator[str]:
    path = played.stage.memory(site.name).parent / "left.jsonl"
    lines = Counter(_lines(path))
    again = Counter(v for kind, v, _ in site.deaths if kind.endswith("memory is written"))
    for version, sent in site.sent.items():
        if len(sent) != 1:
            yield f"{site.name} sent {len(sent)} different reports as {version}"
    made = {
        *site.sent,
        *(version for kind, version, _ in site.deaths if kind == "dies before its reply leaves"),
    }
    wanted = Counter(dict.fromkeys(made, 1)) + again
    if lines != wanted:
        yield f"{site.name}'s ledger has {dict(lines)} instead of {dict(wanted)}"
    if path.exists() and (told := ledger.summed(path)["model"]["messages"]) != len(wanted):
        yield f"{site.name}'s ledger counts {told} messages instead of {len(wanted)}"


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        yield f"{entry['round']}.{entry['attempt']}"
