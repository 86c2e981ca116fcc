"""A site's TOML files: a dataclass is the schema, and an error names the line."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from isofed.config import read
from isofed.errors import ConfigError
from isofed.files import atomic

T = TypeVar("T")


def load(path: Path, schema: type[T]) -> T:
    """Read a file of plain keys; lists become tuples.

    Args:
        path: the file.
        schema: a dataclass, which checks itself.

    Raises:
        ConfigError: the file is missing or no TOML, a key is unknown or missing, a value is not one that
            ``schema`` takes; with the file's name, not where it lies, and the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name} is no TOML: {error}; mend that line") from None
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path.name} cannot be read; make the folder with isofed site init") from None
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
    try:
        return read(schema, values, "")
    except ConfigError as error:
        raise ConfigError(f"{path.name}{_line(text, str(error))}: {error}") from None


def save(path: Path, value: Any, title: str, comments: Mapping[str, str]) -> None:
    """Write a dataclass as TOML, whole or not at all.

    Args:
        path: the file.
        value: of strings, numbers, truth values and tuples of strings.
        title: the first line.
        comments: by field, behind its value.
    """
    lines = [f"# {title}", ""]
    for name, held in asdict(value).items():
        entry = f"{name} = {_literal(held)}"
        lines.append(f"{entry}  # {comments[name]}" if name in comments else entry)
    with atomic(path) as file:
        file.write(("\n".join(lines) + "\n").encode())


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_literal(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _line(text: str, complaint: str) -> str:
    """Return where the first quoted word of a complaint stands, as ``" line 3"``; empty where it does not."""
    quoted = re.search(r"'([^']+)'", complaint)
    word = rf"\b{re.escape(quoted[1])}\b" if quoted else r"(?!)"
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(word, line.partition("#")[0]):
            return f" line {number}"
    return ""
