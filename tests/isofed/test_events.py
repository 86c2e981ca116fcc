from typing import Any

from isofed.events import fan_out, silent, within

Heard = list[tuple[str, str, dict[str, Any]]]


def listener(heard: Heard, who: str) -> Any:
    return lambda name, **fields: heard.append((who, name, fields))


def test_every_sink_hears_in_order() -> None:
    heard: Heard = []
    fan_out(listener(heard, "a"), silent, listener(heard, "b"))("reply", round=3)
    assert heard == [("a", "reply", {"round": 3}), ("b", "reply", {"round": 3})]


def test_nobody_needs_to_listen() -> None:
    fan_out()("reply", round=3)


def test_fields_are_added_to_every_event() -> None:
    heard: Heard = []
    within(listener(heard, "a"), run="alone/cam1")("reply", round=3)
    assert heard == [("a", "reply", {"run": "alone/cam1", "round": 3})]
