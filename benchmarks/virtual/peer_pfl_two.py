"""pfl in two processes, over torch.distributed with gloo, as its own variables of the environment ask for it.

pfl joins its group when it is imported, so the second process is forked before that. Each trains every
other user of a round, and an all-reduce adds their sums.
"""

import os
import socket

import numpy as np
from forked import Follower, Leader, fork
from turns import Job, Turns


def simulate(job: Job, turns: Turns) -> list[np.ndarray]:
    """Run pfl in two processes, a round at each turn, and return the final arrays of the first."""
    if job.workload.cohort % 2:
        # pfl deals users out in pairs: after an odd cohort the two would disagree whose turn it is
        raise SystemExit(f"a cohort of {job.workload.cohort} cannot be halved")
    address = f"127.0.0.1:{_port()}"
    line = fork(lambda line: _rank(1, address, job, Follower(line)))
    return _rank(0, address, job, Leader(turns, line))


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _rank(number: int, address: str, job: Job, turns: Leader | Follower) -> list[np.ndarray]:
    # only the first address is ever called; the second says that there are two
    os.environ["PFL_WORKER_ADDRESSES"] = f"{address},127.0.0.1:0"
    os.environ["PFL_WORKER_RANK"] = str(number)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    from peer_pfl import simulate

    return simulate(job, turns)
