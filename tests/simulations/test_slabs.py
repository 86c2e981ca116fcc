import gc
import subprocess
import sys

import numpy as np
import pytest

from isofed.simulations.slabs import Slabs, mapped

pytestmark = pytest.mark.skipif(Slabs.here() is None, reason="this system has no files without a name")


def test_another_process_reads_and_writes_what_is_lent() -> None:
    slabs = Slabs()
    slab, array = slabs.lend(100)
    array[:3] = [1, 2, 3]
    code = (
        "from isofed.simulations.slabs import Slab, mapped; "
        f"array = mapped({slab!r}); print(array[:3].tolist(), len(array)); array[3] = 9"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[1, 2, 3] 100" and array[3] == 9
    slabs.close()


def test_a_slab_comes_back_when_the_last_view_is_gone() -> None:
    slabs = Slabs()
    first, array = slabs.lend(1000)
    view = array[10:20].view(np.uint8).reshape(2, 5)
    del array
    gc.collect()
    second, held = slabs.lend(1000)
    assert second != first
    del view
    gc.collect()
    third, _ = slabs.lend(999)
    assert third == first and held.size == 1000


def test_the_smallest_that_fits_is_lent() -> None:
    slabs = Slabs()
    held = [slabs.lend(size) for size in (5000, 50, 500)]
    held.clear()
    gc.collect()
    assert slabs.lend(100)[0].size == 500
    assert slabs.lend(6000)[0].size == 6000


def test_files_are_closed_and_what_is_looked_at_stays_readable() -> None:
    slabs = Slabs()
    slab, array = slabs.lend(8)
    array[:] = 7
    slabs.close()
    assert array.tolist() == [7] * 8
    mapped.cache_clear()
    with pytest.raises(OSError):
        mapped(slab)
