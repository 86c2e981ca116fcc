import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from isofed.errors import DataError
from isofed.simulations.pool import Pool, method, say
from tests.forked import Forked
from tests.pace import LONG


def slow_first(value: int) -> int:
    time.sleep(0.2 if value == 0 else 0.0)
    return value


def fail(value: int) -> int:
    raise DataError(f"value {value} is no good; expected another")


def tell(value: int) -> int:
    say("told", value=value)
    return os.getpid()


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Two workers, made once."""
    made = Pool.start(2, 1)
    yield made
    made.stop()


def test_results_come_in_the_order_of_the_values(pool: Pool) -> None:
    assert list(pool.map(slow_first, range(6), 1)) == list(range(6))
    assert list(Pool(1).map(slow_first, range(6), 1)) == list(range(6))


def test_work_is_done_elsewhere(pool: Pool) -> None:
    assert os.getpid() not in set(pool.map(tell, range(4), 1))
    drained = []
    while len(drained) < 4:
        drained.append(pool.events.get())
    assert sorted(fields["value"] for _, fields in drained) == [0, 1, 2, 3]


def test_one_worker_is_this_process() -> None:
    assert Pool.start(1, 1).submit(os.getpid).result() == os.getpid()


def test_errors_come_through(pool: Pool) -> None:
    for each in (pool, Pool(1)):
        with pytest.raises(DataError, match="value 3 is no good"):
            each.submit(fail, 3).result()
    with pytest.raises(DataError, match="value 0 is no good"):
        list(pool.map(fail, range(2), 1))


def test_a_lost_worker_is_noticed_and_stopping_does_not_wait() -> None:
    pool, begun = Pool.start(2, 1), time.monotonic()
    waiting = pool.submit(time.sleep, 10 * LONG)
    pool.stop(now=True)
    assert time.monotonic() - begun < LONG
    with pytest.raises((BrokenProcessPool, CancelledError)):
        waiting.result()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_a_parent_that_computed_on_several_threads_leaves_no_worker_hanging(threads: int) -> None:
    code = (
        "import torch; from isofed.simulations.pool import Pool; torch.set_num_threads(2); "
        "big = torch.ones(1 << 21); big.add(1).sum(); "
        f"pool = Pool.start(2, {threads}); assert torch.get_num_threads() == 1; "
        "print(pool.submit(torch.get_num_threads).result(), pool.submit(big.sum).result()); pool.stop()"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, env=environment)
    assert done.stdout == f"{threads} tensor({1 << 21}.)\n", done.stderr


def test_only_workers_of_one_thread_are_forked() -> None:
    assert method(1) == ("fork" if sys.platform == "linux" else "spawn")
    assert method(2) == method(8) == "spawn"


def keeping(words: list[str]) -> int:
    """Keep two workers at work, and say which."""
    pool = Pool.start(2, 1)
    work = [pool.submit(time.sleep, 10 * LONG) for _ in range(2)]
    assert pool.executor is not None
    print(*pool.executor._processes, flush=True)
    return len([each.result() for each in work])


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_forked_workers_end_with_their_parent(tmp_path: Path, ending: signal.Signals) -> None:
    (log := tmp_path / "log").touch()
    parent, end = Forked.of(keeping, [], log), time.monotonic() + LONG
    while not log.read_text().endswith("\n") and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(parent.pid, ending)
    assert parent.wait(LONG) == -ending
    workers = [int(word) for word in log.read_text().split()]
    assert len(workers) == 2
    assert ended(workers)


@pytest.mark.slow
def test_spawned_workers_end_with_their_parent() -> None:
    code = (
        "import time; from isofed.simulations.pool import Pool; pool = Pool.start(2, 2); "
        "print(*[pool.submit(time.sleep, 1200) and w for w in pool.executor._processes], flush=True); "
        "time.sleep(1200)"
    )
    # a spawned worker's semaphores outlive a killed parent by a moment, and Python says so
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert len(workers) == 2
        parent.kill()
        parent.wait(LONG)
        assert ended(workers)


def ended(workers: list[int]) -> bool:
    """Wait until none of some processes is there; False if one stays."""
    end = time.monotonic() + LONG
    while any(map(alive, workers)) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(map(alive, workers))


def alive(worker: int) -> bool:
    """Tell whether a process is there and not merely waiting to be collected."""
    try:
        with open(f"/proc/{worker}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
