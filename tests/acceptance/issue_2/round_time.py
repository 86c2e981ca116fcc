"""A round against the bare loop, and the time to the first reply.

    .venv/bin/python tests/acceptance/issue_2/round_time.py

Runs benchmarks/round.py for FedAvg and DPPT on an otherwise idle machine and ends with a verdict: a
median ratio of at most 1.03, and the first reply within three seconds. Exits with 1 where it does not hold.
"""

import json
import subprocess
import sys
from pathlib import Path

ROUND = Path(__file__).resolve().parents[3] / "benchmarks" / "round.py"
MOST_RATIO, MOST_SECONDS = 1.03, 3.0


def main() -> int:
    """Run both and say whether they hold."""
    held = [show(strategy) for strategy in ("fedavg", "dppt")]
    print("accepted" if all(held) else "NOT ACCEPTED")
    return 0 if all(held) else 1


def show(strategy: str) -> bool:
    """Measure one strategy, print it, and return whether it holds."""
    command = [sys.executable, str(ROUND), "--strategy", strategy]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ratio, first = found["ratio"], found["first_reply_seconds"]
    print(
        f"{strategy}: ratio {ratio['median']:.3f} ({ratio['least']:.3f} to {ratio['most']:.3f}), "
        f"{found['workers']} workers of {found['threads_per_client']} thread against {found['bare_threads']} "
        f"threads; first reply {first:.2f} s",
        flush=True,
    )
    return bool(ratio["median"] <= MOST_RATIO and first <= MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
