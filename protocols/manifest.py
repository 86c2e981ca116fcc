"""What a site says of itself when it joins: task, cameras, counts; never content, never a place."""

import json
import re
from collections.abc import Mapping
from typing import Any

from isofed.errors import ContractError
from isofed.suggest import hint

KEYS = {
    "task": "its task, such as reid",
    "layout": "the published layout of its data",
    "cameras": "the names of its cameras or sensors",
    "entity": "who owns it",
    "role": "trainer or evaluator",
    "level": "the privacy level under which its data may be used",
    "min_images": "the least that a run may ask for, see isofed explain",
    "centres": "whether identity centres may leave: level, none, plain or with_rows",
    "counts": "how many images, and of what else",
    "classes": "how many identities or classes",
    "facts": "what a report may say of it, such as modality",
    "version": "of isofed",
}
ROLES = ("trainer", "evaluator")
LARGEST = 16 * 1024  # bytes as JSON
_TEXT = re.compile(r"[^/\\~]{0,100}\Z")


def checked(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest, if it says what it may and no more; checked at the site and at the server.

    Args:
        manifest: the keys of :data:`KEYS`; values are texts, whole numbers, lists of these, or, for
            ``counts`` and ``facts``, names with such values.

    Raises:
        ContractError: an unknown key, a text that could be a path, a value of another kind, or over 16 KiB.
    """
    for key, value in manifest.items():
        if key not in KEYS:
            raise ContractError(
                f"a manifest may not say '{key[:40]}'{hint(key, KEYS)} it may say: {', '.join(KEYS)}"
            )
        _value(key, value, nested=key in ("counts", "facts"))
    if manifest.get("role", "trainer") not in ROLES:
        raise ContractError(f"'role' in a manifest must be one of {', '.join(ROLES)}")
    size = len(dumped(manifest))
    if size > LARGEST:
        raise ContractError(
            f"a manifest has at most {LARGEST} bytes, this one {size}; give counts, not lists"
        )
    return dict(manifest)


def dumped(manifest: Mapping[str, Any]) -> bytes:
    """Write a manifest as it travels."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()


def loaded(content: bytes) -> dict[str, Any]:
    """Read and check what travelled."""
    if len(content) > LARGEST:
        raise ContractError(f"a manifest has at most {LARGEST} bytes, this one {len(content)}")
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        raise ContractError("the manifest cannot be read; run 'isofed site join' again") from None
    if not isinstance(manifest, dict):
        raise ContractError("the manifest is no set of keys; run 'isofed site join' again")
    return checked(manifest)


def _value(where: str, value: Any, nested: bool) -> None:
    if isinstance(value, Mapping) and nested:
        for name, inner in value.items():
            _text(where, name)
            _value(f"{where}.{name}", inner, nested=False)
    elif isinstance(value, list | tuple):
        for inner in value:
            _single(where, inner)
    else:
        _single(where, value)


def _single(where: str, value: Any) -> None:
    if isinstance(value, str):
        _text(where, value)
    elif type(value) is not int or not 0 <= value < 2**53:
        raise ContractError(f"'{where}' in a manifest must be a text or a whole number from 0 on")


def _text(where: str, value: Any) -> None:
    # what a terminal would obey, or show in another order, is not printable
    if not isinstance(value, str) or not value.isprintable() or not _TEXT.match(value):
        raise ContractError(
            f"'{where}' in a manifest has a text that could be a path, or more than 100 printable letters; "
            "a manifest names no places"
        )
