"""A deployed round and its transport: SuperNode, connector, gateway and SuperLink as processes over TLS.

    .venv/bin/python benchmarks/deployed.py [--sites 2] [--rounds 9] [--parameters 25000000] [--large 2] ...

Prints one JSON object: seconds of a train-only round with 1 KB of arrays; seconds in which one site gets and
returns a large array of random numbers, against a plain TLS stream of the same bytes there and back just
before, and the same in CPU seconds, which other jobs on the machine change less; CPU seconds by process
("server" is the run's own end of the line, which adds replies up as they come). What memory a run takes with
all its sites, benchmarks/deployed_memory.py tells.
"""

import argparse
import json
import os
import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from isofed.__main__ import PIECE as CHUNK

os.environ.update(FLWR_TELEMETRY_ENABLED="0", FLWR_DISABLE_UPDATE_CHECK="1", FLWR_LOG_LEVEL="ERROR")
os.environ.setdefault("FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE", str(CHUNK))

import numpy as np
import psutil
from flwr.app import ArrayRecord, Message, RecordDict
from flwr.serverapp import Grid

from isofed.client.site import connector
from isofed.client.site.folder import SiteFolder
from isofed.protocols import certificates
from isofed.protocols.link import Away
from isofed.protocols.runtime import serving, start_run
from isofed.server.hub.deployed import QUICK, SLOW
from tests.server.hub import hub_case

PIECE = 1 << 20
Numbers = dict[str, list[int]]


@contextmanager
def module(name: str, folder: Path) -> Iterator[int]:
    """Run a module of ours on a folder, as a process; yield its number."""
    with hub_case.process(["python", "-m", name, str(folder)], folder / "run" / name) as running:
        yield running.pid


@contextmanager
def federation(root: Path, sites: int) -> Iterator[tuple[hub_case.Hub, list[SiteFolder], Numbers]]:
    """Run a server and its sites; yield them with the numbers of their processes."""
    hub = hub_case.made_hub(root / "hub")
    names = [f"cam{n}" for n in range(1, sites + 1)]
    folders = [hub_case.made_site(hub, root / name, name, layout="sysu", level="camera") for name in names]
    worker = str(Path(hub_case.__file__).with_name("echo_worker.py"))
    with ExitStack() as stack:
        found: Numbers = {"superlink": [stack.enter_context(hub_case.superlink(hub)).pid]}
        hub_case.known(hub, *(folder.root.name for folder in folders))
        found["gateway"] = [stack.enter_context(module("isofed.server.hub.gateway", hub.folder.root))]
        found.update(connector=[], supernode=[], worker=[], server=[os.getpid()])
        for folder in folders:
            line = module("isofed.client.site.connector", folder.root)
            found["connector"].append(stack.enter_context(line))
            port = connector.read_settings(folder.settings).connector_port
            hub_case.until(
                lambda port=port: socket.create_connection(("127.0.0.1", port)).close() is None, 60
            )
            found["supernode"].append(stack.enter_context(hub_case.supernode(folder, port)).pid)
            door, log = hub_case.site_door(folder), folder.root / "run" / "worker"
            last = hub_case.process(["python", worker, door.address, str(folder.secret)], log)
            found["worker"].append(stack.enter_context(last).pid)
        yield hub, folders, found


def there(grid: Grid, nodes: list[int]) -> bool:
    """Return whether all nodes are there; False where a busy SuperLink does not answer in time."""
    with suppress(Away):
        return set(grid.get_node_ids()) == set(nodes)
    return False


def pulled(grid: Grid, left: set[str]) -> Iterator[Message]:
    """Yield the replies that are there."""
    with suppress(Away):
        yield from grid.pull_messages(left)


def round_of(grid: Grid, nodes: list[int], array: np.ndarray) -> float:
    """Ask nodes to return an array, add up what they return; return the seconds until all did."""
    record, total = ArrayRecord([array]), np.zeros_like(array)
    began = time.perf_counter()
    left = set(grid.push_messages([Message(RecordDict({"a": record}), node, "train") for node in nodes]))
    del record
    while left:
        for reply in pulled(grid, left):
            assert reply.has_content(), reply.error
            total += reply.content.array_records["a"].to_numpy_ndarrays()[0]
            left.discard(reply.metadata.reply_to_message_id)
            del reply
        time.sleep(min(SLOW, max(QUICK, (time.perf_counter() - began) / 40)))  # as a run does
    assert np.allclose(total[:8], -len(nodes) * array[:8], rtol=1e-5)
    return time.perf_counter() - began


def plain(hub: hub_case.Hub, size: int) -> float:
    """Return the seconds in which a plain TLS connection carries some bytes there and back again."""
    folder, content = hub.folder, os.urandom(size)
    server = certificates.server_context(folder.certificate, folder.key)
    client = certificates.client_context(folder.authority)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_echo, args=(listener, server, size))
        thread.start()
        began = time.perf_counter()
        with (
            socket.create_connection(listener.getsockname()) as sock,
            client.wrap_socket(sock, server_hostname="127.0.0.1") as talk,
        ):
            talk.sendall(content)
            got = 0
            while got < size:
                got += len(talk.recv(PIECE))
        taken = time.perf_counter() - began
        thread.join()
    return taken


def _echo(listener: socket.socket, context: ssl.SSLContext, size: int) -> None:
    sock, _ = listener.accept()
    with context.wrap_socket(sock, server_side=True) as talk:
        held = bytearray()
        while len(held) < size:
            held += talk.recv(PIECE)
        talk.sendall(held)


def pss(number: int) -> int:
    """Return a process's memory in bytes, what it shares with others counted by its part."""
    lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def cpu(found: Numbers) -> dict[str, float]:
    """Return the CPU seconds that processes have taken, by what they are."""
    taken = {}
    for name, numbers in found.items():
        times = [psutil.Process(number).cpu_times() for number in numbers]
        taken[name] = sum(each.user + each.system for each in times)
    return taken


def since(before: dict[str, float], found: Numbers, rounds: int) -> dict[str, float]:
    """Return the CPU seconds taken since then, for each round."""
    return {name: round((taken - before[name]) / rounds, 3) for name, taken in cpu(found).items()}


def large_rounds(
    hub: hub_case.Hub, grid: Grid, node: int, array: np.ndarray, rounds: int, found: Numbers
) -> dict[str, Any]:
    """Return how often as long as a plain stream one site's round takes, both timed in turns."""
    walls: list[tuple[float, float]] = []
    spent: dict[str, float] = dict.fromkeys(found, 0.0)
    bare = 0.0
    for _ in range(rounds):
        before = cpu(found)
        streamed = plain(hub, array.nbytes)
        between = cpu(found)
        walls.append((round_of(grid, [node], array), streamed))
        array += 1  # a SuperLink does not ask for what it has
        bare += between["server"] - before["server"]
        spent = {name: spent[name] + taken - between[name] for name, taken in cpu(found).items()}
    if not rounds:
        return {}
    return {
        "large_round_one_site_s": [round(one, 1) for one, _ in walls],
        "plain_tls_there_and_back_s": [round(other, 2) for _, other in walls],
        "ratio_median": round(statistics.median(one / other for one, other in walls), 1),
        "ratio_of_cpu": round(sum(spent.values()) / bare, 1),
        "cpu_s_of_plain_tls": round(bare / rounds, 2),
        "cpu_s_a_large_round": {name: round(taken / rounds, 2) for name, taken in spent.items()},
    }


def small_rounds(grid: Grid, nodes: list[int], rounds: int, found: Numbers) -> dict[str, Any]:
    """Return the seconds of rounds of 1 KB."""
    random = np.random.default_rng(1)
    round_of(grid, nodes, random.random(256, np.float32))  # the bundle, the first connections
    before = cpu(found)
    small = [round_of(grid, nodes, random.random(256, np.float32)) for _ in range(rounds)]
    if not rounds:
        return {}
    return {
        "small_round_s": [round(each, 2) for each in small],
        "small_round_median_s": round(statistics.median(small), 2),
        "cpu_s_a_small_round": since(before, found, rounds),
    }


def measured(arguments: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Return all figures."""
    with federation(root, arguments.sites) as (hub, folders, found):
        run = start_run(hub.door, "{}")
        with serving(hub.door, run) as grid:
            nodes = [hub.register.site(folder.root.name).node for folder in folders]
            hub_case.until(lambda: there(grid, nodes), 120)
            figures = small_rounds(grid, nodes, arguments.rounds, found)
            idle = {name: round(max(map(pss, numbers)) / 2**20) for name, numbers in found.items()}
            array = np.random.default_rng(0).random(arguments.parameters, np.float32)
            figures |= large_rounds(hub, grid, nodes[0], array, arguments.large, found)
    return {"sites": arguments.sites, "large_bytes": array.nbytes, **figures, "idle_mb": idle}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9, help="with 1 KB, after one to warm up")
    parser.add_argument("--parameters", type=int, default=25_000_000)
    parser.add_argument("--large", type=int, default=2, help="rounds of one site with that many parameters")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(parser.parse_args(), Path(folder)), indent=1))


if __name__ == "__main__":
    main()
