"""A task on the engines `local` (one worker, two workers) and `ray`, killed and resumed: one result.

Compared with the first run are weights_sha256, metrics, bytes, every checkpoint and site memory, the data and
the curves, times of day left out; see issue_2/evidence.py and issue_3/engines.py, whose means these are.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issue_2"))

from evidence import differences, evidence

LOCAL, RAY = "local, 1 worker", "ray, 2 actors"
SHORT = ("rounds=3", "evaluate_every=1", "holdout=0.5", "progress=false")


def means() -> Any:
    """Return issue_3/engines.py, beside which a script of the same name may have started this."""
    from importlib.util import module_from_spec, spec_from_file_location

    path = Path(__file__).resolve().parents[1] / "issue_3" / "engines.py"
    spec = spec_from_file_location("engines_of_issue_3", path)
    assert spec is not None and spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def compare(common: Any, folder: Path, words: list[str]) -> bool:
    """Run on all engines, on two of them also killed in the middle; say whether each equals the first."""
    killed = {"local, killed": common.ENGINES[LOCAL], "ray, killed": common.ENGINES[RAY]}
    first: dict[str, Any] = {}
    well = True
    for name, engine in {**common.ENGINES, **killed}.items():
        found, faults = common.run(folder, name, [*words, *engine], kill=name in killed)
        first = first or found
        faults += [f"other {thing}" for thing in differences(first, found)]
        print("; ".join(faults) or f"equal in {len(found)} things", flush=True)
        well = well and not faults
    return well


def main(words: Sequence[str], sites: Sequence[str], told: str | None) -> int:
    """Read the command line and run in a temporary folder.

    Args:
        words: of the simulation, beside :data:`SHORT`.
        sites: names of all that train.
        told: what the script says of itself.
    """
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--strategies", default="fedavg,scaffold", help="strategies, one after another")
    parser.add_argument("overrides", nargs="*", help="further overrides of isofed simulate")
    options, common, well = parser.parse_args(), means(), True
    common.evidence = lambda run: evidence(run, sites)
    with tempfile.TemporaryDirectory(prefix="isofed-engines-") as folder:
        for strategy in options.strategies.split(","):
            print(f"strategy={strategy}")
            # one that is exact under plain steps alone is given them
            more = ["task.momentum=0"] if strategy == "scaffold" else []
            chosen = [*words, *SHORT, f"strategy={strategy}", *more, *options.overrides]
            well = compare(common, Path(folder) / strategy, chosen) and well
    print("accepted" if well else "FAILED")
    return 0 if well else 1
