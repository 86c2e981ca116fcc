#!/usr/bin/env python3
"""A picture of a run's report, as a browser without a window shows it.

    python3 tests/acceptance/issue_2/look.py RUN OUT.png [--width 1300] [--height 1800]

Needs Chromium or Chrome. The browser gets a profile of its own, which is thrown away, and asks nothing of
the network.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)
LONGEST = 120  # seconds


def look(report: Path, out: Path, width: int, height: int) -> None:
    """Write the top of the page, ``width`` by ``height`` pixels, into ``out``; exits with a sentence."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        sys.exit("no Chromium is installed; install one (Debian, Ubuntu: sudo apt install chromium)")
    if not report.is_file():
        sys.exit(f"'{report}' is missing; give the folder of a finished run")
    with tempfile.TemporaryDirectory(prefix="isofed-look-", ignore_cleanup_errors=True) as name:
        picture = Path(name) / "report.png"
        words = [
            f"--user-data-dir={name}/profile",
            f"--window-size={width},{height}",
            f"--screenshot={picture}",
        ]
        command = [browser, *FLAGS, *words, report.resolve().as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
        if not picture.is_file():
            sys.exit(
                f"the browser made no picture (exit code {done.returncode}): {done.stderr.strip()[-300:]}"
            )
        shutil.copyfile(picture, out)


def main() -> None:
    """Read the command line, take the picture, and name it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument("out", type=Path, help="the picture to write")
    parser.add_argument("--width", type=int, default=1300)
    parser.add_argument("--height", type=int, default=1800)
    given = parser.parse_args()
    look(given.run / "report.html", given.out, given.width, given.height)
    print(given.out)


if __name__ == "__main__":
    main()
