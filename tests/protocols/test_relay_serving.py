"""A relay's tasks go on until somebody stops them, and end together when one fails."""

import asyncio
import threading

import pytest

from isofed.protocols.relay import serving
from isofed.protocols.relay.serving import until_stopped


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "TICK", 0.01)


async def going_on(ended: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        ended.append("ended")


async def failing() -> None:
    await asyncio.sleep(0.02)
    raise OSError("the port is taken")


def test_all_work_ends_when_it_is_stopped() -> None:
    stop, ended, looks = threading.Event(), list[str](), list[int]()

    def tend() -> None:
        looks.append(1)
        if len(looks) == 3:
            stop.set()

    asyncio.run(until_stopped([going_on(ended), going_on(ended)], stop, tend))
    assert ended == ["ended"] * 2 and len(looks) == 3


def test_what_fails_is_raised_and_the_rest_ends() -> None:
    ended: list[str] = []
    with pytest.raises(OSError, match="the port is taken"):
        asyncio.run(until_stopped([going_on(ended), failing()], threading.Event()))
    assert ended == ["ended"]
