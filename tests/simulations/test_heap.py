import subprocess
import sys

import pytest

from isofed.simulations.heap import give_back, keep_freed

CODE = """
import resource, sys
import numpy as np
from isofed.simulations.heap import keep_freed
keep_freed() if sys.argv[1] == "keep" else None
before = [np.ones(10_000_000) for _ in range(2)] and resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="faults are counted on Linux alone")
def test_a_large_array_is_made_again_without_new_pages() -> None:
    if not keep_freed():
        pytest.skip("this system's C library cannot be told to keep what is freed")

    def faults(how: str) -> int:
        run = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True)
        return int(run.stdout)

    # ten arrays of 80 MB are 200,000 pages, or a few hundred where the system has large ones
    assert faults("keep") < 100
    assert faults("as it is") > 300


PINNED = """
import sys
from isofed.simulations.heap import give_back
give_back() if sys.argv[1] == "give" else None
kept = []
for _ in range(3):
    large = bytearray(b"1") * (15 << 20)
    kept.append(bytearray(b"1") * 100_000)  # small, and behind it
    del large
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS:")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what is in memory is told on Linux alone")
def test_a_large_piece_that_is_freed_leaves_the_process() -> None:
    if not give_back():
        pytest.skip("this system's C library cannot be told to give back what is freed")

    def resident(how: str) -> int:
        run = subprocess.run([sys.executable, "-c", PINNED, how], capture_output=True, text=True, check=True)
        return int(run.stdout)

    assert resident("as it is") - resident("give") > 10 << 10
