"""Federated learning for faces, bodies, emotions and veins.

In a checkout the folders ``server client strategies tasks protocols simulations`` stand at the
repository's root and in a wheel they lie inside this package. The few lines below make
``isofed.strategies`` the one import name in both settings; CONTRIBUTING.md tells why.
"""

from pathlib import Path

__version__ = "0.1.0"

_root = Path(__file__).resolve().parent.parent
if (_root / "pyproject.toml").is_file() and (_root / "strategies").is_dir():
    __path__.append(str(_root))
