"""The house rules that a machine can check; CONTRIBUTING.md gives the reasons.

Each check is a function from source files to complaints, so that it can be shown a planted offence.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("isofed", "server", "client", "strategies", "tasks", "protocols", "simulations")
GENERATED = "_pb2"
MAY_PRINT = (
    "isofed/__main__.py",
    "protocols/declare_command.py",
    "server/hub/command.py",
    "client/site/command.py",
    "simulations/",
    "tasks/action_units/magnify.py",
    "tasks/data_command.py",
    "tasks/score.py",
    "tasks/vein/realism/__main__.py",
)
# spelt in two halves, so that this file passes its own test
MACHINE = re.compile("/wo" + r"rk\b|/tm" + r"p/|/ro" + "ot/")

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Source:
    """One file: its path from the root, its text, its syntax tree."""

    path: str
    text: str
    tree: ast.Module


def read(path: str, text: str) -> Source:
    """Parse one file."""
    return Source(path, text, ast.parse(text))


@cache
def sources() -> list[Source]:
    """Read once all source files of the seven folders that a person wrote."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    files = [path for path in files if GENERATED not in path.name]
    return [read(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in files]


def functions(source: Source) -> Iterator[tuple[str, int]]:
    """Yield each function's place and its number of lines, docstring not counted."""
    for node in ast.walk(source.tree):
        if isinstance(node, FUNCTION):
            yield f"{source.path}:{node.lineno} {node.name}", lines(node)


def lines(node: Function) -> int:
    """Count a function's lines from its ``def`` on, without the docstring."""
    first = node.body[0]
    doc = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) and first.end_lineno else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - doc


def too_long(found: list[Source]) -> list[str]:
    """A file has at most 300 lines and a function at most 40."""
    files = [f"{s.path}: {n} lines" for s in found if (n := len(s.text.splitlines())) > 300]
    return files + [f"{where}: {n} lines" for s in found for where, n in functions(s) if n > 40]


def inherited(found: list[Source]) -> list[str]:
    """Our own classes are final; errors.py, a tree by nature, is left out."""
    return [
        f"{source.path}:{node.lineno} {node.name} inherits from {ast.unparse(base)}, a class of ours"
        for source in found
        if source.path != "isofed/errors.py"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if ast.unparse(base).split("[")[0].split(".")[0] in our_names(source)
    ]


def our_names(source: Source) -> set[str]:
    """Return the names that a file defines as classes or imports from isofed."""
    names = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("isofed"):
            names.update(alias.asname or alias.name for alias in node.names)
    # an error may grow from our error tree wherever it is raised
    return {name for name in names if not name.endswith("Error")}


def needless_super(found: list[Source]) -> list[str]:
    """``super()`` stands only in a class under a framework's."""
    offences = []
    for source in found:
        classes = [node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
        framed = {call for node in classes if node.bases for call in supers(node)}
        offences += [f"{source.path}:{call.lineno}" for call in supers(source.tree) if call not in framed]
    return offences


def supers(tree: ast.AST) -> list[ast.Call]:
    """Return all calls of ``super``."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "super"]


def printing(found: list[Source]) -> list[str]:
    """Only what talks to a person prints; everything else returns, raises or writes events."""
    return [
        f"{source.path}:{node.lineno}"
        for source in found
        if not source.path.startswith(MAY_PRINT)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def undocumented(found: list[Source]) -> list[str]:
    """Modules, and public functions, classes and methods of theirs, say what they are for."""
    offences = []
    for source in found:
        empty = not source.text.strip()
        offences += [] if empty or ast.get_docstring(source.tree) else [f"{source.path}: the module"]
        for node in public(source.tree):
            if not ast.get_docstring(node):
                offences.append(f"{source.path}:{node.lineno} {node.name}")
    return offences


def public(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """Yield what a reader of the module is offered; a framework's own methods need no second text."""
    for node in tree.body:
        if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
        if isinstance(node, ast.ClassDef) and not node.bases and not node.name.startswith("_"):
            inner = [child for child in node.body if isinstance(child, FUNCTION)]
            yield from (child for child in inner if not child.name.startswith("_"))


CHECKS = (too_long, inherited, needless_super, printing, undocumented)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_rule(check: Callable[[list[Source]], list[str]]) -> None:
    assert check(sources()) == [], check.__doc__


def test_functions_are_short_on_the_whole() -> None:
    sizes = sorted((n, where) for source in sources() for where, n in functions(source))
    counts = [n for n, _ in sizes]
    assert median(counts) <= 10
    long = [where for n, where in sizes if n >= 30]
    assert len(long) <= 0.1 * len(counts), long


def test_no_text_names_a_place_of_one_machine() -> None:
    kinds = ("*.py", "*.md", "*.toml", "*.txt", "*.yaml")
    folders = (*FOLDERS, "tests", "benchmarks", "scripts", "docs", ".ci")
    files = [path for kind in kinds for path in ROOT.glob(kind)]
    files += [
        path for folder in folders for kind in (*kinds, "*[!.]") for path in (ROOT / folder).rglob(kind)
    ]
    texts = {path: path.read_text(errors="ignore") for path in files if path.is_file() and small(path)}
    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if MACHINE.search(text)] == []


def small(path: Path) -> bool:
    """Tell texts from pictures and caches."""
    return path.suffix not in {".pyc", ".png", ".npz", ".mat"} and "__pycache__" not in path.parts


LONG = "def f():\n" + "    a = 1\n" * 40
DOC = '"""M."""\n'


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (too_long, LONG),
        (too_long, "a = 1\n" * 301),
        (inherited, "class A: ...\nclass B(A): ..."),
        (inherited, "from isofed.tasks.task import Task\nclass B(Task): ..."),
        (needless_super, "class A:\n    def f(self):\n        super().f()"),
        (printing, "print(1)"),
        (undocumented, "a = 1"),
        (undocumented, DOC + "def f(): ..."),
        (undocumented, DOC + 'class A:\n    """A."""\n    def f(self): ...'),
    ],
)
def test_an_offence_is_found(check: Callable[[list[Source]], list[str]], text: str) -> None:
    assert len(check([read("server/planted.py", text)])) == 1


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (too_long, "def f():\n    '''Doc.\n" + "\n" * 60 + "    '''\n    return 1"),
        (inherited, "from torch import nn\nclass B(nn.Module): ..."),
        (needless_super, "from torch import nn\nclass A(nn.Module):\n    def f(self):\n        super().f()"),
        (undocumented, DOC + "def _f(): ..."),
        (undocumented, DOC + 'class A(nn.Module):\n    """A."""\n    def forward(self): ...'),
    ],
)
def test_what_is_fine_passes(check: Callable[[list[Source]], list[str]], text: str) -> None:
    assert check([read("server/planted.py", text)]) == []


def test_no_two_test_files_have_one_name() -> None:
    """pytest imports them by their bare names, and would refuse the second."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
