"""One federation on one machine: the six cameras, or a camera alone, from its configuration to its result."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message
from flwr.serverapp import Grid

from isofed.client.memory import Memory, Sections
from isofed.client.place import EVALUATOR, TRAINER
from isofed.client.stackable import refuse
from isofed.client.workshop import Workshop
from isofed.config import read
from isofed.errors import CheckpointError
from isofed.events import Emit, silent, within
from isofed.files import write_json
from isofed.protocols.levels import LevelOptions
from isofed.records import empty_table
from isofed.seeds import Secrets, simulated_secrets
from isofed.server.cohorts import asked
from isofed.server.distil import Classroom
from isofed.server.loop import Driver, Patience, run_rounds
from isofed.server.state import Checkpoints, ServerState, newest
from isofed.server.stock import Stock
from isofed.server.strategy import Composed
from isofed.setting import Setting
from isofed.simulations.grid import LocalGrid, Node
from isofed.simulations.hostile.company import beset, hostile, poison
from isofed.simulations.pool import Pool, say
from isofed.simulations.population import Nodes
from isofed.strategies.share import TRAVELLING
from isofed.trees import Tree, hash_in_order, zeros

CHECKPOINTS, RESULT, SERVER, GLOBAL = "checkpoints", "result.json", "server", "global"
Numbers = Mapping[str, int]
Named = tuple[str, np.ndarray]


@dataclass(frozen=True)
class Federation:
    """What to run and where its files lie.

    Args:
        name: such as ``federated`` or ``alone/cam1``, for events.
        cfg: the configuration both halves read; see isofed/setting.py.
        sites: names of the training sites; perhaps an :class:`isofed.population.Numbered`, of which only
            those are looked at that are asked.
        root: folder of the data set.
        homes: folder of the sites' own caches, which several federations share.
        folder: checkpoints, site memories and the result.
        device: where the sites compute.
        weights: file of public pre-trained weights to begin with, or None.
        public: folder of the server's own public data, opened only by what distils; or None.
        threads: of torch for each client, and for what the server learns.
        together, traced: sites that one process trains at once, or 0; whether steps become operations.
        fewest: usable reports that make a round, or 0 for what the rule needs.
        attack: the ``attack`` group, or None where nobody attacks.
    """

    name: str
    cfg: Mapping[str, Any]
    sites: Sequence[str]
    root: Path
    homes: Path
    folder: Path
    device: str = "cpu"
    weights: Path | None = None
    public: Path | None = None
    threads: int = 1
    together: int = 0
    traced: bool = False
    fewest: int = 0
    attack: Mapping[str, Any] | None = None

    @cached_property
    def hostile(self) -> tuple[str, ...]:
        """The sites that attack, in the order of their names."""
        return hostile(self.attack, int(self.cfg["seed"]), self.sites)

    @property
    def done(self) -> bool:
        """Whether the result is there."""
        return (self.folder / RESULT).exists()

    @property
    def left(self) -> int:
        """Replies that are still to come, for the time left: one a round from each site that is asked."""
        if self.done:
            return 0
        each = asked(Workshop.of(json.dumps(self.cfg)).setting, len(self.sites))
        return (int(self.cfg["rounds"]) - newest(self.folder / CHECKPOINTS)) * each

    def nodes(self) -> Nodes:
        """Return the nodes by name, the evaluator last; each is made when it is asked for."""
        level = {k: v for k, v in self.cfg["protocol"].items() if k != "name"}
        agreed = asdict(read(LevelOptions, level, "protocol"))
        here: dict[str, str | int] = {"level": self.cfg["protocol"]["name"], **agreed, "device": self.device}
        here |= {"simulated": int(self.cfg["seed"]), "traced": self.traced}
        here |= {"weights": str(self.weights)} if self.weights is not None else {}
        return Nodes(self.sites, EVALUATOR, lambda number, name: Node(number, self._place(name) | here))

    def workshop(self) -> Workshop:
        """Return what the server, and who looks at its model, builds from the configuration."""
        return Workshop.of(json.dumps(self.cfg), weights=self.weights)

    def memory(self, site: str) -> Path:
        """Return the folder of a site's memory in this federation."""
        return self.folder.joinpath("sites", site, "memory")

    def classroom(self, setting: Setting) -> Classroom | None:
        """Return what the server distils with, or None where it has no public data."""
        if self.public is None:
            return None
        cache = self.homes.parent / SERVER
        return Classroom(
            setting, self.public, cache, lambda: self.workshop().model, self.device, self.threads
        )

    def _place(self, name: str) -> dict[str, str | int]:
        places = {"root": self.root, "home": self.homes / name, "memory": self.memory(name)}
        role = EVALUATOR if name == EVALUATOR else TRAINER
        found = {"site": name, "role": role, **{key: str(path) for key, path in places.items()}}
        return found | (poison(self.attack) if name in self.hostile else {})


@dataclass(frozen=True)
class Company:
    """Whom a federation's server talks to, and how it waits for them.

    Args:
        grid: any of Flower's.
        sites: their numbers in it.
        evaluators: theirs.
        secrets: the server's own.
        patience: of the loop.
        fewest: usable reports that make a round; None for all that are asked.
        durable: whether a checkpoint waits for the disk, as where a power cut would cost real sites a round.
    """

    grid: Grid
    sites: Numbers
    evaluators: Numbers
    secrets: Secrets
    patience: Patience
    fewest: int | None = None
    durable: bool = False


def run(federation: Federation, pool: Pool, emit: Emit = silent) -> dict[str, Any]:
    """Run a federation to its end, from its last checkpoint if there is one, and return its result.

    Returns:
        ``history`` (one object a round, round 0 is the untrained model) and ``weights_sha256``.
    """
    state, remembers = driven(federation, lambda shop, emit: _company(federation, shop, pool, emit), emit)
    digest = weights_digest(state, lambda site: Memory(federation.memory(site), sections=remembers))
    attacked = {"hostile": list(federation.hostile)} if federation.hostile else {}
    result = {"history": list(state.history), "weights_sha256": digest, **attacked}
    write_json(federation.folder / RESULT, result)
    return result


def driven(
    federation: Federation, gather: Callable[[Workshop, Emit], Company], emit: Emit
) -> tuple[ServerState, bool]:
    """Run a federation's rounds over any grid; return the last state, and whether sites remember anything.

    Args:
        federation: whose folder has the checkpoints.
        gather: the workshop, and who is told, to the company.
        emit: told of everything, with the federation's name.
    """
    shop = federation.workshop()
    if federation.together:
        refuse(shop)
    emit = within(emit, run=federation.name)
    state = Checkpoints(federation.folder / CHECKPOINTS, shop.setting.digest).latest(first_state(shop))
    tell(state.history, emit)
    company = gather(shop, emit)
    checkpoints = Checkpoints(federation.folder / CHECKPOINTS, shop.setting.digest, company.durable)
    strategy = _driver(federation, shop, state, company, emit)
    remembers = shop.remembers
    del shop, state  # or their models would lie beside those of the sites until the end
    return run_rounds(strategy, company.grid, checkpoints, emit, company.patience), remembers


def first_orders(federation: Federation, shop: Workshop) -> list[tuple[Node, Message]]:
    """Return what the first round asks, each order with the node that it goes to; nobody is asked.

    Args:
        federation: on the local engine.
        shop: its workshop, with the initial weights.
    """
    company = _company(federation, shop, Pool(1), silent)
    strategy = _driver(federation, shop, first_state(shop), company, silent)
    nodes = federation.nodes().by_number
    orders = strategy.configure_train(1, ArrayRecord(), ConfigRecord(), company.grid)
    return [(nodes[order.metadata.dst_node_id], order) for order in orders]


def _driver(
    federation: Federation, shop: Workshop, state: ServerState, company: Company, emit: Emit
) -> Driver:
    ours = Composed(
        shop.setting,
        shop.outside(None),
        state,
        company.sites,
        company.evaluators,
        emit,
        company.fewest,
        federation.classroom(shop.setting),
        company.secrets,
    )
    return Stock(ours) if shop.setting.recipe.stock else ours


def _company(federation: Federation, shop: Workshop, pool: Pool, emit: Emit) -> Company:
    """Return the engine's grid, and the numbers that the sites and the evaluator have in it."""
    nodes, cfg, seed = federation.nodes(), json.dumps(federation.cfg), shop.setting.seed
    secrets = simulated_secrets(seed, "")  # the server's; no site has an empty name
    patience = Patience(timeout=math.inf, ahead=not shop.remembers and pool.engine is None)  # a wait is free
    if pool.engine is not None:
        (grid, sites), name = pool.engine(nodes, cfg, emit), None
        measures = sites.pop(EVALUATOR)
    else:
        grid = LocalGrid(nodes.by_number, cfg, pool, emit, federation.together)
        sites, measures, name = nodes.roster, nodes.number(EVALUATOR), nodes.name
    grid = beset(grid, federation.attack, federation.hostile, sites, name, seed)
    return Company(grid, sites, {EVALUATOR: measures}, secrets, patience, federation.fewest or None)


def run_in_worker(federation: Federation) -> dict[str, Any]:
    """Run a federation inside a pool's worker, its events sent home."""
    return run(federation, Pool(1), say)


def tell(history: Iterable[Mapping[str, Any]], emit: Emit) -> None:
    """Emit rounds of an earlier process again, for sinks that draw whole curves."""
    for entry in history:
        if entry["round"]:
            emit("round_done", **entry)


def load_result(federation: Federation) -> dict[str, Any]:
    """Return the result of a finished federation.

    Raises:
        CheckpointError: its file is damaged.
    """
    path = federation.folder / RESULT
    try:
        result: dict[str, Any] = json.loads(path.read_text())
    except ValueError:
        raise CheckpointError(f"'{path}' is damaged; delete it and resume the run") from None
    return result


def first_state(shop: Workshop) -> ServerState:
    """Return the server before the first round: the model as the seed, and public weights, make it."""
    trees = {group: shop.trees[group].numpy() for group in TRAVELLING}
    trees |= {name: zeros(trees["model"].layout) for name in shop.setting.recipe.trees}
    tables = {name: empty_table(rows, width) for name, (_, rows, width) in shop.tables().items() if rows}
    return ServerState(0, trees, tables, shop.setting.recipe.server.init(trees["model"].layout))


def weights_digest(state: ServerState, memory: Callable[[str], Memory]) -> str:
    """SHA-256 over sorted (name, dtype, shape, bytes) of the global model and of the memory of every site
    that was counted, one site's at a time."""
    return hash_in_order(_everything(state, memory))


def _everything(state: ServerState, memory: Callable[[str], Memory]) -> Iterator[Named]:
    # with the slash, owners sort as the names of what they own do
    for owner in sorted({GLOBAL, *state.versions}, key=lambda owner: f"{owner}/"):
        arrays = list(_model(state)) if owner == GLOBAL else []
        if owner in state.versions:
            arrays += _remembered(owner, memory(owner).load(state.versions[owner]))
        yield from sorted(arrays, key=lambda named: named[0])


def _model(state: ServerState) -> Iterator[Named]:
    for group, tree in state.trees.items():
        # names of model and buffers differ; those of a further tree are the model's again
        of = GLOBAL if group in TRAVELLING else f"{GLOBAL}/{group}"
        yield from ((f"{of}/{name}", array) for name, array in tree.items())


def _remembered(site: str, sections: Sections) -> Iterator[Named]:
    for section, value in sections.items():
        if isinstance(value, Tree):
            yield from ((f"{site}/{section}/{name}", array) for name, array in value.items())
        else:
            yield f"{site}/{section}", value
