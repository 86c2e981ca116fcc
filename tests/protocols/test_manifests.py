"""Manifests: what a site may say of itself, and what it may not."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ContractError
from isofed.protocols.manifest import LARGEST, checked, dumped, loaded

FULL: dict[str, Any] = {
    "task": "reid",
    "layout": "sysu",
    "cameras": ["cam1"],
    "entity": "Klinik für Innere, Haus 3",
    "role": "trainer",
    "level": "camera",
    "counts": {"images": 22258, "identities": 395},
    "classes": 395,
    "facts": {"modality": "visible", "place": "indoor", "camera": 1},
    "version": "0.1.0",
}


def test_what_a_site_may_say_comes_back() -> None:
    assert loaded(dumped(FULL)) == checked(FULL) == FULL
    assert checked({}) == {}


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"root": "data"}, "may not say 'root'; did you mean 'role'"),
        ({"path": "x"}, "may not say 'path'"),
        ({"entity": "/data/clinic"}, "could be a path"),
        ({"facts": {"place": "C:\\data"}}, "'facts' in a|'facts.place'"),
        ({"facts": {"/data": 1}}, "could be a path"),
        ({"cameras": ["~me"]}, "could be a path"),
        ({"entity": "x" * 101}, "more than 100"),
        ({"entity": "a\nb"}, "could be a path"),
        ({"entity": "\x1b[2J"}, "printable"),
        ({"entity": "\u202egpj"}, "printable"),
        ({"entity": "\ud800"}, "printable"),
        ({"role": "boss"}, "'role'"),
        ({"role": ["trainer"]}, "'role'"),
        ({"counts": {"images": -1}}, "whole number"),
        ({"counts": {"images": 1.5}}, "whole number"),
        ({"counts": {"images": True}}, "whole number"),
        ({"counts": {"images": {"cam1": 2}}}, "whole number"),
        ({"counts": {1: 1}}, "could be a path"),
        ({"task": {"name": "reid"}}, "whole number"),
        ({"task": None}, "whole number"),
        ({"cameras": [["cam1"]]}, "whole number"),
        ({"cameras": [f"cam{n:090}" for n in range(300)]}, "at most 16384 bytes"),
    ],
)
def test_anything_else_is_refused(said: dict[str, Any], word: str) -> None:
    with pytest.raises(ContractError, match=word):
        checked(said)


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each, max_size=3),
    max_leaves=5,
)
SAID = st.dictionaries(st.sampled_from(list(FULL)), VALUES, max_size=4)


@given(st.binary(max_size=200) | (VALUES | SAID).map(json.dumps).map(str.encode))
def test_what_travelled_is_a_manifest_or_refused(content: bytes) -> None:
    with suppress(ContractError):
        assert checked(loaded(content)) == loaded(content)


def test_a_large_or_deep_one_is_refused_before_it_is_read() -> None:
    for content in (b" " * (LARGEST + 1), b"[" * LARGEST, b'{"a":' * 3000):
        with pytest.raises(ContractError):
            loaded(content)
