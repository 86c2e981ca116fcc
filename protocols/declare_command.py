"""``isofed declare LEVEL DIR``: what the owner of data allows, written beside them."""

from pathlib import Path

from isofed.errors import ConfigError
from isofed.protocols.declared import FILE, declare
from isofed.protocols.levels import LEVELS, STRICTNESS

HELP = f"""isofed declare LEVEL DIR

Write {FILE} into DIR. From then on every run refuses the data in it under a level weaker than LEVEL,
at the site itself and before anything starts. DIR is the folder that data.root= names or, in it, the one that
a data set of a group or a single camera has for itself, such as cam3; nobody looks elsewhere.
From the weakest to the strictest:

"""


def main(argv: list[str]) -> int:
    """Declare a level; 0 if it is written."""
    if not argv or {"-h", "--help"} & set(argv):
        print(HELP + "\n".join(f"  {name:<15}{LEVELS[name].client}" for name in STRICTNESS))
        return 0
    if len(argv) != 2:
        raise ConfigError("isofed declare takes a level and a folder: isofed declare camera /data/SYSU-MM01")
    declare(Path(argv[1]), argv[0])
    print(f"{Path(argv[1]) / FILE}: {argv[0]}")
    return 0
