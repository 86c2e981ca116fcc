#!/usr/bin/env python3
"""Lines of each named algorithm, and the files that one more touches: at most fifteen, and one.

    python tests/acceptance/issue_4/lines.py [--only-count]

Counted are the lines of code of the function that makes a recipe, decorators and all, of the private
functions of its file that it calls, and its row of the file's table; docstrings, comments and blank lines are
not, nor are the parts (rules, server optimisers, local terms) that algorithms share. Then an algorithm is
really added: the checkout is copied, one file of strategies/named/ gets a function and a row, and in that
copy `isofed list strategies`, `isofed simulate --cfg job strategy=NEW` and a round with it have to work.
Prints both numbers and exits with 1 where an algorithm is longer, another file differs, or a command fails.
"""

import argparse
import ast
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issue_2"))

from small import SMALL

ROOT = Path(__file__).resolve().parents[3]
NAMED = Path("strategies") / "named"
MOST_LINES, MOST_FILES = 15, 1
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
BESIDE = (*NO_CODE, tokenize.ENCODING, tokenize.ENDMARKER)

FILE, NEW = NAMED / "averaging.py", "fedpartway"
ROW = f'    "{NEW}": {NEW},'
FUNCTION = f'''
def {NEW}(lr: float = 0.5, count: str = "images") -> Recipe:
    """Go a part of the way to FedAvg's mean: θ ← θ + η Σ (n_i / n) (θ_i - θ).

    Args:
        lr: η, server learning rate, at least 0; 1 gives FedAvg's weights.
        count: as in :func:`fedavg`.

    Source: none, it is made up to be counted.
    """
    return Recipe(f"{NEW}(lr={{lr}}, count='{{count}}')", server=sgd(lr), count=count)

'''

EACH = """
import contextlib, io, json, sys
from isofed.__main__ import main

said = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    said.append(f"FAILS: {err.getvalue()}" if code else out.getvalue())
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Algorithm:
    """A row of the table: the algorithm, its lines, and the file that holds it."""

    name: str
    lines: int
    file: str


# --- lines


def count(folder: Path) -> list[Algorithm]:
    """Return every algorithm of the tables of ``folder``'s files, by name."""
    found = [each for path in sorted(folder.glob("*.py")) for each in _counted(path)]
    return sorted(found, key=lambda each: each.name)


def _counted(path: Path) -> Iterator[Algorithm]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    made = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    coded = code(text)
    for name, row, function in _rows(tree):
        # the row of something that another file makes belongs to what uses it
        if function in made:
            parts = [row, *(_span(made[each]) for each in sorted(_reached(function, made)))]
            yield Algorithm(name, len(coded & set().union(*parts)), path.name)


def code(text: str) -> set[int]:
    """Return the numbers of the lines that hold code: no comment, docstring or blank line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        n for token in tokens if token.type not in BESIDE for n in range(token.start[0], token.end[0] + 1)
    }
    return lines.difference(*(_docstring(node) for node in ast.walk(ast.parse(text))))


def _docstring(node: ast.AST) -> set[int]:
    documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    return _span(node.body[0]) if documented and ast.get_docstring(node) else set()


def _span(node: ast.stmt | ast.expr) -> set[int]:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return set(range(first, (node.end_lineno or first) + 1))


def _rows(tree: ast.Module) -> Iterator[tuple[str, set[int], str]]:
    """Yield each row of the file's tables: the name, its lines, and the function that it names."""
    for table in _tables(tree):
        for key, value in zip(table.keys, table.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(value, ast.Name):
                yield str(key.value), _span(key) | _span(value), value.id


def _tables(tree: ast.Module) -> list[ast.Dict]:
    values = [node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return [value for value in values if isinstance(value, ast.Dict)]


def _reached(name: str, made: dict[str, ast.FunctionDef]) -> set[str]:
    """Return a function and the private ones of its file that it calls, whatever calls them in between."""
    reached, open_ = {name}, [name]
    while open_:
        called = {node.id for node in ast.walk(made[open_.pop()]) if isinstance(node, ast.Name)}
        more = {each for each in called if each in made and each.startswith("_")} - reached
        reached |= more
        open_ += sorted(more)
    return reached


def told(found: list[Algorithm]) -> bool:
    """Print the table and its maximum; return whether every algorithm is short enough."""
    print(f"{'algorithm':<18}{'lines':>5}  file")
    for each in found:
        long = each.lines > MOST_LINES
        print(f"{each.name:<18}{each.lines:>5}  {NAMED / each.file}{'  FAILS: too long' if long else ''}")
    most = max(each.lines for each in found)
    print(f"{len(found)} algorithms, maximum {most} lines, allowed {MOST_LINES}")
    return most <= MOST_LINES


# --- files


def copy(folder: Path) -> Path:
    """Copy the checkout's files as they are now, committed or not, and return the copy's root."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for name in sorted(set(filter(None, listed.split("\0")))):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def state(root: Path) -> dict[str, str]:
    """Return a digest of each file under ``root``, what Python compiled left out."""
    files = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def add(path: Path) -> None:
    """Write the new algorithm into a file of strategies/named: before its table, and a row in it."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    *_, table = _tables(ast.parse(text))
    before, after = lines[: table.lineno - 1], lines[table.lineno :]
    whole = [*before, *FUNCTION.strip().splitlines(), "", "", lines[table.lineno - 1], ROW, *after]
    path.write_text("\n".join(whole) + "\n", encoding="utf-8")


def isofed(root: Path, *commands: Sequence[str]) -> list[str]:
    """Run commands of the copy in one process, return what each said, with what is wrong in capitals."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", EACH, json.dumps(commands)]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment)
    told = ended.stdout.splitlines()
    return list(json.loads(told[-1])) if ended.returncode == 0 else [f"FAILS: {ended.stderr}"] * len(commands)


def tried(root: Path, run: Path) -> Iterator[tuple[str, bool, str]]:
    """Use the new algorithm in the copy; yield each command, whether it did as expected, and what it said."""
    small = (*SMALL, "rounds=1", "alone=false", "tensorboard=false", "progress=false", "engine.workers=1")
    listed, page, shown, said = isofed(
        root,
        ["list", "strategies", "--json"],
        ["list", "strategies", NEW],
        ["simulate", "--cfg", "job", f"strategy={NEW}"],
        ["simulate", *small, f"strategy={NEW}", "strategy.lr=0.7", f"hydra.run.dir={run}"],
    )
    yield "isofed list strategies", f'"{NEW}"' in listed, listed
    yield f"isofed list strategies {NEW}", "strategy.lr=0.5" in page and "θ ← θ + η Σ" in page, page
    yield f"isofed simulate --cfg job strategy={NEW}", f"  name: {NEW}\n  lr: 0.5\n" in shown, shown
    done = run / "summary.json"
    measured = json.loads(done.read_text())["metrics"]["federated"]["mAP"] if done.is_file() else 0
    yield f"a round with strategy={NEW} strategy.lr=0.7", measured > 0, f"mAP {measured:.3f} {said}"


def touched(folder: Path) -> bool:
    """Add one algorithm to a copy, try it, print what came of it; return whether one file was enough."""
    root = copy(folder / "checkout")
    before = state(root)
    add(root / FILE)
    held = []
    for command, right, said in tried(root, folder / "run"):
        print(f"{command}: {'ok' if right else f'FAILS: {said.strip()[-600:]}'}", flush=True)
        held.append(right)
    after = state(root)
    differ = sorted(name for name in before | after if before.get(name) != after.get(name))
    print(f"files touched to add one: {len(differ)} ({', '.join(differ)}), allowed {MOST_FILES}")
    return all(held) and differ == [FILE.as_posix()]


def main(argv: list[str]) -> int:
    """Count, then add one; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only-count", action="store_true", help="do not add one to a copy")
    chosen = parser.parse_args(argv)
    held = told(count(ROOT / NAMED))
    if not chosen.only_count:
        with tempfile.TemporaryDirectory(prefix="isofed-lines-") as folder:
            held = touched(Path(folder)) and held
    print("accepted" if held else "NOT ACCEPTED")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
