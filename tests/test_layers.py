"""Who may import whom. The table is the architecture; the rest of this file reads imports."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("server", "client", "strategies", "tasks", "protocols", "simulations")
# The path trick puts the whole root under isofed, so these can be reached and should not be.
NEVER = {"isofed", "tests", "benchmarks", "scripts"}


@dataclass(frozen=True)
class Layer:
    """A folder or file, the layers of ours that it may import, and the packages of others."""

    where: str
    ours: str
    others: str


# The longest `where` that fits a file holds for it. Everybody may import the kernel and the standard library.
TABLE = (
    Layer("isofed/", "", "numpy"),
    Layer("isofed/__main__.py", "server client strategies tasks protocols simulations", "numpy"),
    Layer("strategies/", "strategies", "numpy"),
    Layer("strategies/local/", "strategies", "numpy torch"),
    Layer("strategies/share.py", "strategies", "numpy torch"),
    Layer("strategies/adapters.py", "strategies", "numpy torch"),
    Layer("tasks/", "tasks", "numpy torch PIL scipy sklearn"),
    Layer("tasks/action_units/flow.py", "tasks", "numpy cv2"),
    Layer("protocols/", "protocols", "numpy cryptography scipy"),
    Layer("protocols/wire.py", "protocols", "numpy flwr"),
    Layer("protocols/letter.py", "protocols", "numpy flwr"),
    Layer("protocols/refusals.py", "protocols", "flwr"),
    Layer("protocols/plain.py", "protocols", "numpy flwr"),
    Layer("protocols/pieces.py", "protocols", "numpy flwr"),
    Layer("protocols/runtime.py", "protocols", "flwr httpx"),
    Layer("protocols/answering.py", "protocols", "flwr httpx"),
    Layer("protocols/link.py", "protocols", "flwr httpx"),
    Layer("protocols/relay/", "protocols", "h11"),
    Layer("protocols/accounts/", "protocols", "numpy opacus"),
    Layer("protocols/enrolment_pb2", "protocols", "google grpc"),
    Layer("protocols/fleet.py", "protocols", "flwr"),
    Layer("server/", "server strategies tasks protocols", "numpy torch flwr tensorboard"),
    Layer("server/hub/", "server strategies tasks protocols", "flwr grpc cryptography httpx"),
    Layer("client/", "client strategies tasks protocols", "numpy torch flwr opacus"),
    Layer("client/site/", "client strategies tasks protocols", "torch flwr grpc cryptography httpx"),
    Layer("simulations/", "simulations server client strategies tasks protocols",
          "numpy torch flwr PIL scipy sklearn hydra omegaconf psutil ray tensorboard"),
)  # fmt: skip


def sources(root: Path = ROOT) -> Iterator[str]:
    """Yield the path, relative to ``root``, of every source file that stands in a layer."""
    for folder in ("isofed", *FOLDERS):
        for path in sorted((root / folder).rglob("*.py")):
            yield path.relative_to(root).as_posix()


def layer(path: str) -> Layer:
    """Return the row of the table that holds for a file."""
    return max((row for row in TABLE if path.startswith(row.where)), key=lambda row: len(row.where))


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of all imports, those inside functions and by constant name included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            named = [a.value for a in node.args if isinstance(a, ast.Constant)]
            yield from ((node.lineno, str(name)) for name in named[:1])


def complaint(row: Layer, name: str) -> str:
    """Say why ``name`` may not be imported under ``row``; an empty string if it may."""
    first, _, rest = name.partition(".")
    ours = rest.partition(".")[0]
    if first == "isofed":
        banned = NEVER.union(FOLDERS).difference(row.ours.split())
        return "a part that this layer may not import" if ours in banned else ""
    if not first or first in NEVER.union(FOLDERS):
        return "write the name from isofed. on"
    # torch brings a front for TensorBoard, which is TensorBoard all the same
    first = "tensorboard" if name.startswith("torch.utils.tensorboard") else first
    allowed = first in sys.stdlib_module_names or first in row.others.split()
    return "" if allowed else "a package that this layer may not import"


def violations(root: Path = ROOT) -> list[str]:
    """Return one line for each forbidden import under ``root``."""
    found = []
    for path in sources(root):
        for line, name in imports(ast.parse((root / path).read_text(encoding="utf-8"))):
            if why := complaint(layer(path), name):
                found.append(f"{path}:{line} imports {name}: {why}")
    return found


def test_every_import_keeps_to_the_table() -> None:
    assert len(list(sources())) > 20
    assert violations() == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("isofed/trees.py", "import torch"),
        ("isofed/trees.py", "from isofed import simulations"),
        ("tasks/reid/data.py", "from isofed.strategies.named import fedavg"),
        ("tasks/reid/data.py", "from flwr.app import Message"),
        ("strategies/rules.py", "import torch.nn as nn"),
        ("protocols/clip.py", "def f():\n    import flwr"),
        ("server/loop.py", "from isofed.client.train import train"),
        ("client/train.py", "from isofed.server import loop"),
        ("client/train.py", "from torch.utils.tensorboard import SummaryWriter"),
        ("client/train.py", "import importlib\nimportlib.import_module('isofed.simulations.run')"),
        ("server/loop.py", "import hydra"),
        ("simulations/run.py", "import server.loop"),
        ("simulations/run.py", "from . import report"),
        ("simulations/run.py", "from tests.conftest import anything"),
        ("simulations/run.py", "from isofed.tests import conftest"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, path: str, text: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("protocols/wire.py", "import os.path, numpy, flwr.app\nfrom isofed.trees import Tree"),
        ("strategies/share.py", "import torch"),
        ("simulations/run.py", "from isofed.server.loop import run\nimport hydra"),
        ("isofed/__main__.py", "def f():\n    from isofed.simulations import run"),
    ],
)
def test_what_the_table_allows_passes(tmp_path: Path, path: str, text: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert violations(tmp_path) == []


def modules(folders: tuple[str, ...]) -> list[str]:
    """Return the import names of all modules in some folders, ``__main__`` left out."""
    chosen = [path for path in sources() if path.split("/")[0] in folders and "__main__" not in path]
    dotted = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in chosen]
    return [name if name.split(".")[0] == "isofed" else f"isofed.{name}" for name in dotted]


def in_a_fresh_python(code: str) -> None:
    """Run code at the repository's root, where the bare names could be imported by mistake."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_no_module_is_loaded_under_a_bare_name() -> None:
    names = ", ".join(modules(("isofed", *FOLDERS)))
    in_a_fresh_python(f"import sys, {names}\nbare = {set(FOLDERS)} & set(sys.modules)\nassert not bare, bare")


@pytest.mark.slow
def test_a_site_needs_no_extra() -> None:
    extras = ("hydra", "omegaconf", "ray", "tensorboard", "scipy", "sklearn", "psutil", "opacus", "cv2")
    names = ", ".join(modules(("isofed", "client", "strategies", "tasks", "protocols")))
    # None in sys.modules makes an import fail as if the package were not installed
    in_a_fresh_python(f"import sys\nsys.modules.update(dict.fromkeys({extras}))\nimport {names}")
