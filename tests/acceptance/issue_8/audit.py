#!/usr/bin/env python3
"""The audit of training under differential privacy: no false alarm to speak of, and three mistakes found.

    python tests/acceptance/issue_8/audit.py [--seeds 20]

Every run takes one round of a site's real steps (draws, clips, noise) with 2000 canaries in it and 2000 left
out, and bounds ε from below with 95 % confidence (Clopper and Pearson). An alarm is a bound above the ε that
the site is charged. Prints every bound; exits with 1 where the step as it is gives more than one alarm in
twenty, or a planted mistake fewer than eighteen. Takes about ten seconds.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "client" / "private"))

import torch
from audit_case import CASES, DELTA, RIGHT, alarms, claimed

FALSE, FOUND = 1 / 20, 18 / 20


def main() -> int:
    """Audit the step as it is, and with each mistake."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    print(f"claimed: ε = {claimed():.3f} at δ = {DELTA}")
    bad = 0
    for name, case in CASES.items():
        bounds = case.bounds(seeds)
        found = alarms(bounds)
        well = found <= FALSE * len(seeds) if name == RIGHT else found >= FOUND * len(seeds)
        bad += not well
        print(f"{case.what}: {found} of {len(bounds)} alarms{'' if well else '  FAILS'}")
        print("    bounds on ε: " + " ".join(f"{each:.2f}" for each in sorted(bounds)))
    print("accepted" if not bad else f"FAILS: {bad} of {len(CASES)}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
