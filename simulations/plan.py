"""A simulation's configuration, read once: every choice made, every refusal raised."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from isofed.client.agreed import setting_of
from isofed.config import digest, read, within
from isofed.errors import CheckpointError, CompositionError, ConfigError
from isofed.population import Numbered
from isofed.protocols.declared import declared, refuse
from isofed.protocols.levels import permit
from isofed.server.cohorts import enough
from isofed.server.stock import check
from isofed.setting import Setting
from isofed.simulations.data_group import Data
from isofed.simulations.engine import DEPLOYED, ENGINES, Engine, read_group
from isofed.simulations.federation import Federation
from isofed.simulations.folder import load_config
from isofed.simulations.hostile.attacks import Attack, read_attack, suits
from isofed.simulations.public import Public, check_public, read_public
from isofed.simulations.strategies_group import defaults, without_missing
from isofed.simulations.traces import with_trace
from isofed.strategies.found import available, is_file
from isofed.strategies.robust.rule import fewest as needs
from isofed.strategies.stock import PREFIX
from isofed.suggest import pick
from isofed.tasks import TASKS
from isofed.tasks.partitions import with_partition
from isofed.tasks.task import names

CONTROLS = {"none": "no controls", "full": "pooled, alone with equal steps, ablations, chance, raw pixels"}
GROUPS = ("data", "task", "protocol", "strategy", "engine")
# groups that a run saved before there was this choice does not have, and what each is where it has none
OPTIONAL = {"privacy": "none", "dp": "none", "clients": "even"}
ATTACK = "attack"
FEDERATED = "federated"


@dataclass(frozen=True)
class Switches:
    """The plain keys of a simulation."""

    seed: int
    rounds: int
    weights: str | None
    select_on_test: bool
    evaluate_every: int
    alone: bool
    controls: str
    tensorboard: bool
    progress: bool
    holdout: float = 0.0
    cohort: int = 0
    fewest: int = 0
    public: dict[str, Any] = field(default_factory=dict)
    profile: bool = False


@dataclass(frozen=True)
class Plan:
    """What will run in a folder.

    Args:
        folder: the run's folder.
        cfg: the resolved configuration, as saved in config.json.
        engine: with numbers where that says ``auto``: what is taken until choice.py has chosen.
    """

    folder: Path
    cfg: Mapping[str, Any]
    switches: Switches
    engine: Engine
    data: Data

    @property
    def layout(self) -> Any:
        """The data layout."""
        tasks = with_partition(TASKS, self.shared())
        return tasks[self.cfg["task"]["name"]].layouts[self.data.layout]

    @property
    def root(self) -> Path:
        """Folder of the data set."""
        return Path(self.data.root) if self.data.root else self.folder / "data"

    def declared(self) -> tuple[str, ...]:
        """Return the levels that the owners of the data declared, here and beside their data."""
        folders = self.layout.folders(self.root, None) if self.data.root else ()
        found = [self.data.declared, *(declared(folder) for folder in folders)]
        return tuple(level for level in found if level is not None)

    @property
    def public(self) -> Public:
        """The server's own public data, drawn and opened only if the strategy distils."""
        return read_public(self.switches.public)

    @property
    def homes(self) -> Path:
        """Folder of the sites' own folders."""
        return self.folder / "sites"

    @property
    def words(self) -> tuple[str, str]:
        """What the task calls a sample, and what a label of its names."""
        task = TASKS[self.cfg["task"]["name"]]
        return task.sample, task.label

    def setting(self) -> Setting:
        """Build the setting; with ``classes`` known it is what the sites will build."""
        return setting_of(self.shared())

    def shared(self, **changes: Any) -> dict[str, Any]:
        """Return the configuration that both halves of a federation read; never a path or a device."""
        changes = {"holdout": self.switches.holdout, "cohort": self.switches.cohort, **changes}
        keys = ("run", "seed", "rounds", "evaluate_every", "task", "protocol", "strategy")
        chosen = (key for key in OPTIONAL if key in self.cfg)
        return {key: self.cfg[key] for key in (*keys, *chosen)} | self.data.shared | changes

    def federation(self, name: str, sites: Sequence[str], **changes: Any) -> Federation:
        """Return a federation of this plan; ``changes`` replace groups of the configuration.

        Raises:
            CompositionError: more sites are asked each round than there are, or more trained for themselves
                than can be listed.
        """
        folder = self.folder if name == FEDERATED else self.folder / name
        if len(sites) == 1 and name != FEDERATED:
            changes = {**self._by_itself(), **changes}
        self.carry(sites, int(changes.get("cohort", self.switches.cohort)))
        weights = Path(self.switches.weights) if self.switches.weights else None
        places = (self.root, self.homes, folder, self.engine.device, weights, self.public.folder(self.folder))
        engine = (
            self.engine.threads_per_client,
            self.engine.together if name == FEDERATED else 0,
            self.engine.traced,
        )
        made = Federation(name, self.shared(**changes), sites, *places, *engine)
        return replace(made, **self.beset(sites)) if name == FEDERATED else made

    def beset(self, sites: Sequence[str]) -> dict[str, Any]:
        """Return what the federation bears that nobody bears who trains alone.

        Raises:
            ConfigError, CompositionError: more reports are needed than asked for, or nobody honest is left.
        """
        asked = self.switches.cohort or len(sites)
        if self.switches.fewest > asked:
            raise CompositionError(
                f"fewest is {self.switches.fewest}, but a round asks {asked} sites; write at most {asked}"
            )
        if (attack := self.attack) is not None:
            attack.hostile(self.switches.seed, sites)
        return {"fewest": self.switches.fewest, "attack": self.cfg[ATTACK] if attack else None}

    @property
    def attack(self) -> Attack | None:
        """What hostile sites do, or None."""
        return read_attack(self.cfg.get(ATTACK, {}))

    def _by_itself(self) -> dict[str, Any]:
        """Return what differs where one site trains for itself, beside the federation."""
        # nothing leaves it, nobody is drawn, and some of Flower's strategies would wait for more for ever
        steps = {group: {"name": name} for group, name in OPTIONAL.items() if group in self.cfg}
        flower = str(self.cfg["strategy"]["name"]).startswith(PREFIX)
        return {"cohort": 0, **steps, **({"strategy": {"name": "fedavg"}} if flower else {})}

    def carry(self, sites: Sequence[Any], cohort: int) -> None:
        """Raise CompositionError unless so many sites can be run, and the rule does for those asked."""
        enough(cohort, len(sites))
        needs(self.setting().recipe.rule, cohort or len(sites))
        if isinstance(sites, Numbered) and (self.switches.alone or self.switches.controls != "none"):
            raise CompositionError(
                f"there are {len(sites)} sites, too many to train each by itself, too; write alone=false "
                "controls=none"
            )


def make_plan(cfg: Mapping[str, Any], folder: Path) -> Plan:
    """Read a composed configuration and refuse what makes no sense.

    Raises:
        ConfigError, CompositionError, DataError: one sentence each.
    """
    cfg = _whole(cfg)
    switches = read(
        Switches, {k: v for k, v in cfg.items() if k not in (*GROUPS, *OPTIONAL, ATTACK, "run")}, ""
    )
    pick("controls", switches.controls, CONTROLS)
    cfg["run"] = cfg.get("run") or run_name(folder)
    pick("engine", cfg["engine"].get("name", ""), ENGINES)
    if switches.profile and cfg["engine"]["name"] != "local":
        raise CompositionError(
            "profile=true asks the local engine's own processes alone; write engine=local, or "
            "leave profile out"
        )
    engine, cfg["engine"] = read_group(cfg["engine"])
    if switches.weights:
        cfg["weights"] = str(_file("weights", switches.weights))
        switches = replace(switches, weights=cfg["weights"])
    cfg["strategy"] = _strategy(cfg["strategy"])
    data = read(Data, cfg["data"], "data")
    if data.root:
        # a run may be continued from another folder than the one it was started in
        data = replace(data, root=str(Path(data.root).expanduser().absolute()))
        cfg["data"] = asdict(data)
    if "public" in cfg:
        cfg["public"] = asdict(read_public(switches.public))
    plan = Plan(folder, cfg, switches, engine, data)
    setting = plan.setting()
    meanings = {name: rule.meaning for name, rule in setting.recipe.channels.items()}
    permit(setting.level, setting.level_options, meanings)
    if setting.recipe.stock:
        check(setting)
    _fit(plan, setting)
    if switches.weights and setting.task.load is None:
        raise ConfigError(f"task '{setting.task.name}' reads no pre-trained weights; leave weights= out")
    read(plan.layout.options, data.make, "data.make")
    if (sites := _known(plan)) is not None:
        plan.carry(sites, switches.cohort)
        plan.beset(sites)
    return plan


def _fit(plan: Plan, setting: Setting) -> None:
    """Refuse an attack, data or a number of reports that do not fit the run."""
    within("fewest", plan.switches.fewest, 0, 1e6)
    if plan.attack is not None:
        suits(plan.attack, setting, plan.cfg["engine"]["name"])
    for asked in plan.declared():
        refuse(setting.level.name, asked)
    if setting.recipe.learns:
        root = Path(plan.data.root) if plan.data.root else None
        check_public(plan.public, plan.layout, root, plan.data.seed)


def _known(plan: Plan) -> Sequence[str] | None:
    """Return who trains, where that can be told before any data are drawn."""
    level = plan.cfg["protocol"]["name"]
    drawn = None if plan.cfg["engine"]["name"] == DEPLOYED else plan.layout.owners(level)
    sites = plan.layout.sites(plan.root, level) if plan.data.root else drawn
    return None if sites is None else names(sites)


def runnable(plan: Plan) -> Plan:
    """Return ``plan`` if this machine can run it.

    Raises:
        CompositionError: fp16 on a CPU, or a run of other machines.
    """
    if plan.cfg["engine"]["name"] == DEPLOYED:
        raise CompositionError("engine=deployed asks other machines; write isofed run hub=DIR")
    setting = plan.setting()
    if plan.engine.device == "cpu" and setting.task.training.precision(setting.options) == "fp16":
        raise CompositionError(
            "halves (task.precision=fp16) are of no use on a CPU, where a step of the full-size model takes "
            "minutes; write task.precision=float32, or run on a CUDA device"
        )
    return plan


def _whole(cfg: Mapping[str, Any]) -> dict[str, Any]:
    for group in GROUPS:
        if not isinstance(cfg.get(group), Mapping):
            raise ConfigError(
                f"the configuration lacks the group '{group}'; write {group}=NAME or start anew"
            )
    return {**cfg, "clients": with_trace(cfg["clients"])} if "clients" in cfg else dict(cfg)


def run_name(folder: Path) -> str:
    """Return the name that goes with every order: what the run's folder says, or a hash of where it lies.

    The folder's own name is the user's, and stays at home.
    """
    try:
        return str(load_config(folder)[0]["run"])
    except (CheckpointError, KeyError):
        return digest(str(folder.resolve()))


def _strategy(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the group with a file's path made absolute and the defaults of what is no option of Hydra's."""
    name = str(given.get("name"))
    if is_file(name):
        file, _, function = name.rpartition(":")
        name = f"{Path(file).expanduser().absolute()}:{function}"
    make = available(name).get(name)
    if make is None or name.startswith(PREFIX):  # Flower's own options are read where its class is known
        return {**given}
    return {**without_missing(defaults(make)), **given, "name": name}


def _file(name: str, value: str) -> Path:
    path = Path(value).expanduser().absolute()
    if not path.is_file():
        raise ConfigError(f"'{name}' is '{value}', but there is no such file; give the path of one")
    return path
