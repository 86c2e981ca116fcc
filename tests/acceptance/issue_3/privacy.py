"""The invariants of privacy of section 6.5, under ``camera`` and ``camera_strict``, with every message read.

A canary is planted at one camera as in ``../issue_2/canary.py``; a small run is started as a person would
start it, while every message is written down as the bytes that Flower would send. Under both levels nothing
of the canary is in a message, in what was printed, or in another's file. Under ``camera_strict`` with
centre matching, further: every report is what the contract lists and nothing else; no row of any camera's
head is in a message or in another's file, and the server has no entry of a head; no camera's centre
reaches another as it was sent; a camera opens its own folder alone; and numbers that cameras give people
agree by chance alone.

    python tests/acceptance/issue_3/privacy.py
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Message
from flwr.common.serde import message_from_proto
from flwr.proto.message_pb2 import Message as Sent

from isofed.client.memory import Memory
from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.errors import ContractError
from isofed.protocols import wire
from isofed.server.state import Checkpoints, ServerState
from isofed.simulations.federation import Federation, first_state
from isofed.simulations.folder import load_config
from isofed.simulations.plan import make_plan
from isofed.tasks import TASKS
from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issue_2"))

import canary as planting
from asked import Asked
from planted import Canary, plant

STRICT = ("protocol=camera_strict", "protocol.centres=plain", "strategy=cgpr")
CAMERAS = tuple(f"cam{number}" for number in range(1, 7))
PERSONS, CHANCE = 200, 0.05  # people of whom every camera sees each one; L2RW+ asks for less than 5 %
Check = tuple[str, list[str]]


@dataclass(frozen=True)
class Heard:
    """One message, as bytes and read."""

    name: str
    site: str
    up: bool
    data: bytes
    message: Message

    @property
    def trains(self) -> bool:
        """Whether it is an order to train, or its answer."""
        return str(self.message.metadata.message_type).startswith("train")

    @property
    def round(self) -> int:
        """The round that an order or a report belongs to."""
        fields: Any = self.message.content.config_records["report" if self.up else "order"]
        return int(fields["round"])

    @property
    def rows(self) -> np.ndarray:
        """The centres in it, without the rows that are absent: (rows, D)."""
        record = self.message.content.array_records["table.centres"]
        values: np.ndarray = record["values"].numpy()
        return values[record["present"].numpy() > 0]


@dataclass(frozen=True)
class Ran:
    """A finished run of strict cameras: its messages, its federation, and what server and sites kept."""

    folder: Path
    heard: tuple[Heard, ...]
    federation: Federation
    shop: Workshop
    state: ServerState

    @classmethod
    def of(cls, base: Path) -> "Ran":
        """Read everything that a run left below ``base``."""
        cfg, _ = load_config(base / "run")
        plan = make_plan(cfg, base / "run")
        federation = plan.federation("federated", CAMERAS)
        shop = Workshop.of(json.dumps(federation.cfg))
        checkpoints = Checkpoints(base / "run" / "checkpoints", shop.setting.digest)
        state = checkpoints.latest(first_state(shop))
        return cls(
            base / "run", tuple(map(_read, sorted((base / "messages").iterdir()))), federation, shop, state
        )

    def heads(self) -> dict[str, np.ndarray]:
        """Return each camera's head as it remembers it at the end: (C, D)."""
        found: dict[str, np.ndarray] = {}
        for site in CAMERAS:
            sections: Any = Memory(self.federation.memory(site)).load(self.state.versions[site])
            found[site] = sections["own"]["head.weight"]
        return found


def _read(path: Path) -> Heard:
    data = path.read_bytes()
    _, _, kind, site = path.name.split("_", 3)
    return Heard(path.name, site, kind == "up", data, message_from_proto(Sent.FromString(data)))


def listed(ran: Ran) -> Iterator[str]:
    """Every report is, to the last name, dtype and shape, what the contract lists."""
    reports = [heard for heard in ran.heard if heard.up and heard.trains]
    federated = ran.shop.contract(None)
    most = {site: len(head) for site, head in ran.heads().items()}
    for heard in reports:
        try:
            wire.check(heard.message.content, federated)
        except ContractError as error:
            yield f"{heard.name}: {error}"
        rows = heard.message.content.array_records["table.centres"]["values"].shape[0]
        if rows != most[heard.site]:
            yield f"{heard.name} has {rows} rows, but {heard.site} has {most[heard.site]} identities"
    kinds = sorted({record for heard in ran.heard for record in heard.message.content})
    print(f"  {len(reports)} reports; records of all {len(ran.heard)} messages: {', '.join(kinds)}")
    allowed = {"value.model", "value.buffers", "table.centres", "order", "report", "numbers", "statistics"}
    yield from (f"a message has a record '{kind}'" for kind in kinds if kind not in allowed)
    if not reports:
        yield "no report was seen"


def headless(ran: Ran) -> Iterator[str]:
    """No row of a camera's head is in a message or in another's file, nor has the server an entry of it."""
    names = [name for tree in ran.state.trees.values() for name in tree]
    yield from (f"the averaged state has '{name}'" for name in names if name.startswith("head."))
    files = {path: path.read_bytes() for path in ran.folder.rglob("*") if path.is_file()}
    heads = ran.heads()
    print(f"  heads of {', '.join(str(len(head)) for head in heads.values())} rows, {len(files)} files")
    for site, head in heads.items():
        needles = [row.tobytes() for row in head]
        yield from (f"{h.name} holds a row of {site}'s head" for h in ran.heard if _any(needles, h.data))
        own = [path for path in files if ("sites", site) in zip(path.parts, path.parts[1:], strict=False)]
        if not any(_any(needles, files[path]) for path in own):
            yield f"not even {site}'s own memory holds its head, so the search finds nothing"
        for path in files.keys() - set(own):
            if _any(needles, files[path]):
                yield f"{path.relative_to(ran.folder)} holds a row of {site}'s head"


def _any(needles: list[bytes], data: bytes) -> bool:
    return any(needle in data for needle in needles)


def apart(ran: Ran) -> Iterator[str]:
    """A camera's centre goes back to it, or into the mean of a group, and to nobody else as it was sent."""
    orders = [heard for heard in ran.heard if not heard.up and heard.trains]
    sent = back = 0
    for report in (heard for heard in ran.heard if heard.up and heard.trains):
        needles = [row.tobytes() for row in report.rows]
        sent += len(needles)
        for order in orders:
            reached = [needle for needle in needles if needle in order.data]
            if order.site == report.site:
                back += len(reached)
            elif reached:
                yield f"{order.name} brings {len(reached)} centres of {report.site} to {order.site}"
    print(f"  {sent} centres were sent, {back} came back to their own camera as they were, none to another")
    if not sent or not back:
        yield "no centre was sent, or none came back, so nothing was looked for"


def at_chance(base: Path) -> Iterator[str]:
    """Two cameras that see the same people agree in their numbers by chance; with the common ones, always."""
    generate(base / "many", 0, SyntheticSysu(PERSONS, 2, 1, 1.0, 32, 16))
    shares = {}
    for level in ("camera", "camera_strict"):
        seen = {camera: _numbers(base, camera, level) for camera in CAMERAS}
        pairs = [(seen[a], seen[b]) for a, b in combinations(CAMERAS, 2)]
        shares[level] = [_share(one, other) for one, other in pairs]
        print(
            f"  {level}: equal numbers mean one person {min(shares[level]):.1%} to {max(shares[level]):.1%}"
        )
        if level == "camera_strict":
            same = sum(person == number for own in seen.values() for person, number in own.items())
            if same > CHANCE * sum(map(len, seen.values())):
                yield f"{same} numbers are still the common ones"
    if min(shares["camera"]) < 1:
        yield "with the common numbering the shares should be all, so they are not measured"
    if max(shares["camera_strict"]) >= CHANCE:
        yield f"a pair of strict cameras shares {max(shares['camera_strict']):.1%}, at least {CHANCE:.0%}"


def _share(one: dict[int, int], other: dict[int, int]) -> float:
    """Return the share of the numbers in use at both cameras that mean the same person."""
    there, here = ({number: person for person, number in own.items()} for own in (one, other))
    both = there.keys() & here.keys()
    return sum(there[number] == here[number] for number in both) / len(both)


def _numbers(base: Path, camera: str, level: str) -> dict[int, int]:
    """Open a camera with a secret of its own, as a real one has; return its number of each person."""
    task = {"name": "reid", "classes": PERSONS, "height": 32, "width": 16}
    cfg = {"run": "x", "seed": 0, "rounds": 1, "evaluate_every": 0, "layout": "sysu", "task": task}
    cfg |= {"protocol": {"name": level}, "strategy": {"name": "fedavg"}}
    shop = Workshop.of(json.dumps(cfg))
    root, home = base / "many", base / level / camera
    own = shop.samples(Place(camera, root, home, home / "memory", level, 2)).labels
    common = (
        TASKS["reid"].layouts["sysu"].open_train(root, camera, home / "train", shop.setting.options).labels
    )
    return dict(zip(common.tolist(), own.tolist(), strict=True))


def strict(base: Path, canary: Canary) -> Iterator[Check]:
    """Run strict cameras with centre matching and look at all that it left."""
    for name, faults in planting.ran(base, canary, 2, STRICT):
        yield f"camera_strict: {name}", faults
    if not (base / "run" / "summary.json").exists():
        return
    ran = Ran.of(base)
    yield "camera_strict: reports are what the contract lists", list(listed(ran))
    yield "camera_strict: heads stay", list(headless(ran))
    yield "camera_strict: nobody's centre reaches another", list(apart(ran))
    asked = Asked.of(base / "run", canary.root, planting.OTHER)
    yield "camera_strict: a camera opens its own folder", list(planting.opened(asked, base))
    yield "camera_strict: a camera needs its own folder", list(planting.hidden(asked, base))
    yield "camera_strict: errors carry no text", list(planting.unexpected(asked, base))


def checks(base: Path) -> Iterator[Check]:
    """Yield each check's name and what it found."""
    canary = plant(base / "tree")
    for name, faults in planting.ran(base / "camera", canary, 1):
        yield f"camera: {name}", faults
    yield from strict(base / "strict", canary)
    yield "camera_strict: numbers agree by chance alone", list(at_chance(base))


def main() -> int:
    """Look in a temporary folder and print a line for each check; 0 if nothing was found."""
    faulty = 0
    with tempfile.TemporaryDirectory(prefix="isofed-privacy-") as folder:
        for name, faults in checks(Path(folder).resolve()):
            print(
                f"{'FAILS' if faults else 'ok':<7}{name}" + "".join(f"\n       {f}" for f in faults),
                flush=True,
            )
            faulty += bool(faults)
    print("accepted" if not faulty else f"FAILS: {faulty} checks")
    return bool(faulty)


if __name__ == "__main__":
    sys.exit(main())
