"""Plays a case: a server that is started again whenever it dies, from what lies in its folder alone."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import patch

from faulty_cases import ABSENT, DEADLINE, EVALUATOR, ROUNDS, SITES, Case, Fault
from faulty_clock import Clock
from faulty_sites import SIGN, Site
from faulty_stage import Stage, known, secrets
from faulty_superlink import FaultyLink, SuperLink
from flwr.app import Message

from isofed.errors import RoundError
from isofed.files import write_json
from isofed.seeds import public
from isofed.server import loop, replies
from isofed.server.hub.contacts import Contacts
from isofed.server.hub.deployed import DeployedGrid, Rule
from isofed.server.hub.watch import Watch
from isofed.server.loop import Patience
from isofed.server.state import Checkpoints, ServerState
from isofed.server.total import Total
from isofed.simulations.federation import Company, driven
from isofed.simulations.grid import Node, identify

NODES = {name: number for number, name in enumerate((*SITES, EVALUATOR), 11)}
POLL, ATTEMPTS, STARTS = 0.25, 3, 6


class Killed(BaseException):
    """Stands for SIGKILL at the server: nobody catches it."""


@dataclass
class Server:
    """What strikes the server's process.

    Args:
        faults: those that are still to come.
        clock: of the world.
        superlink: beside it.
    """

    faults: list[Fault]
    clock: Clock
    superlink: SuperLink
    deaths: list[Fault] = field(default_factory=list)

    def dies(self, kind: str, round: int) -> None:
        """Die, if that is to happen here."""
        for fault in self.faults:
            if fault.kind == kind and round >= fault.round:
                self.faults.remove(fault)
                self.deaths.append(fault)
                raise Killed

    def away(self, round: int) -> None:
        """Let something become of the SuperLink while a round's replies are waited for."""
        for fault in [each for each in self.faults if each.where == "way" and round >= each.round]:
            self.faults.remove(fault)
            self.clock.after(1.0, partial(self._away, fault))

    def _away(self, fault: Fault) -> None:
        if fault.kind == "the SuperLink is away":
            self.superlink.away = self.clock.now + (fault.back or 0.0)
        else:
            self.superlink.end()


@dataclass
class Played:
    """What became of a case.

    Args:
        state: the server's, after the last round.
        events: (seconds, name, fields), of all the server's processes.
        sites: the sites, and the evaluator.
        starts: of the server.
        gave_up: why it did, when it did.
    """

    stage: Stage
    case: Case
    state: ServerState
    events: list[tuple[float, str, dict[str, Any]]]
    sites: dict[str, Site]
    server: Server
    clock: Clock
    starts: int
    gave_up: list[str]


def play(case: Case, stage: Stage) -> Played:
    """Play a case to its end.

    Raises:
        RoundError: it does not end, however often it is started again.
    """
    identify()
    clock, rng = Clock(), public(case.number, 0, "", "what faults leave open")
    superlink = SuperLink(clock, kept=bool(rng.integers(2)))
    server = Server([f for f in case.faults if f.where in ("server", "way")], clock, superlink)
    events: list[tuple[float, str, dict[str, Any]]] = []
    with known(), _patched(clock, server):
        faults = {fault.site: fault for fault in case.faults if fault.site}
        sites = {
            name: Site(Node(n, stage.node_config(name)), stage.cfg, superlink, clock, rng, faults.get(name))
            for name, n in NODES.items()
        }
        _signs(Contacts(stage.folder / "contacts.json", clock.time), sites, clock)
        emit = lambda name, **fields: events.append((clock.now, name, fields))  # noqa: E731
        state, starts, gave_up = _served(stage, server, case.minimum, emit)
    return Played(stage, case, state, events, sites, server, clock, starts, gave_up)


def _served(stage: Stage, server: Server, minimum: int, emit: Any) -> tuple[ServerState, int, list[str]]:
    gave_up: list[str] = []
    for starts in range(1, STARTS + 1):
        try:
            return _serve(stage, server, minimum, emit), starts, gave_up
        except Killed:
            server.clock.sleep(server.deaths[-1].back or 0.0)
        except RoundError as error:
            gave_up.append(str(error))
            server.clock.sleep(5.0)
    raise RoundError(f"{STARTS} starts were not enough: {gave_up}")


def _serve(stage: Stage, server: Server, minimum: int, emit: Any) -> ServerState:
    """Be one process of the server's."""
    clock, names = server.clock, {number: name for name, number in NODES.items()}
    numbers = dict(NODES)
    evaluators = {EVALUATOR: numbers.pop(EVALUATOR)}
    watch = Watch(stage.folder / "contacts.json", list(NODES), emit, clock.time)
    rule = Rule(minimum, ABSENT, ROUNDS)
    grid = DeployedGrid(lambda: _link(server), names, watch, rule, emit, clock.monotonic)
    patience = Patience(DEADLINE, ATTEMPTS, POLL, unmeasured=True)
    while True:
        try:
            grid.open()
            break
        except RoundError:  # the operator tries again
            clock.sleep(1.0)
    company = Company(grid, numbers, evaluators, secrets(), patience, minimum, durable=False)
    return driven(stage.federation, lambda shop, told: company, emit)[0]


def _link(server: Server) -> Any:
    return Struck(server.superlink.open(), server)


@dataclass
class Struck:
    """A link whose process may die over it."""

    link: FaultyLink
    server: Server

    def __getattr__(self, name: str) -> Any:
        return getattr(self.link, name)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Hand messages over, and perhaps die before or after that."""
        messages = list(messages)
        about = messages[0].metadata
        round, trains = int(about.group_id), about.message_type == "train"
        if trains:
            self.server.dies("dies before the orders leave", round)
        numbers = self.link.push_messages(messages)
        if trains:
            self.server.dies("dies after the orders left", round)
            self.server.away(round)
        else:
            self.server.dies("dies in the evaluation", round)
        return numbers


@contextmanager
def _patched(clock: Clock, server: Server) -> Iterator[None]:
    """Let the server wait by the clock of the world, and die where it is to."""
    with ExitStack() as stack:
        for module in (loop, replies):
            stack.enter_context(patch.object(module, "time", clock))
        for name, around in (("note_attempt", _noting), ("save", _saving)):
            stack.enter_context(patch.object(Checkpoints, name, around(server, getattr(Checkpoints, name))))
        stack.enter_context(patch.object(Total, "add", _adding(server, Total.add)))
        yield


def _noting(server: Server, real: Callable[..., Any]) -> Callable[..., Any]:
    def note(checkpoints: Checkpoints, round: int, attempt: int, failed: bool = False) -> None:
        server.dies("dies before the attempt is noted", round)
        real(checkpoints, round, attempt, failed)
        server.dies("dies after the attempt is noted", round)

    return note


def _saving(server: Server, real: Callable[..., Any]) -> Callable[..., Any]:
    def save(checkpoints: Checkpoints, state: ServerState) -> None:
        server.dies("dies before its checkpoint", state.round)
        half = checkpoints.folder / f".round_{state.round:06d}.ckpt.1.partial"
        try:
            server.dies("dies while its checkpoint is written", state.round)
        except Killed:
            checkpoints.folder.mkdir(parents=True, exist_ok=True)
            half.write_bytes(b"isofed1\nhalf of it")
            raise
        real(checkpoints, state)
        server.dies("dies after its checkpoint", state.round)

    return save


def _adding(server: Server, real: Callable[..., Any]) -> Callable[..., Any]:
    def add(total: Total, site: str, reply: Any) -> None:
        real(total, site, reply)
        if len(total.numbers) + len(total.refused) == 2:
            server.dies("dies between two replies", total.state.round + 1)

    return add


def _signs(contacts: Contacts, sites: dict[str, Site], clock: Clock) -> None:
    """Let the gateway hear the sites that are there, every few seconds."""
    for name, site in sites.items():
        if site.up:
            contacts.alive(name, site.alive())
    write_json(contacts.path, contacts.sites)
    clock.after(SIGN, partial(_signs, contacts, sites, clock))
