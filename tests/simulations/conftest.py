"""A small synthetic tree, drawn once for each module that asks for it, and a browser."""

import base64
import io
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate
from tests.pace import LONG

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
    *["--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"],
]
# the browser reads commands on descriptor 3 and answers on 4, with a zero byte after each message
LAUNCH = (
    "import fcntl, os, sys; a, b = (fcntl.fcntl(int(x), fcntl.F_DUPFD, 10) for x in sys.argv[1:3]);"
    "os.dup2(a, 3); os.dup2(b, 4); os.execv(sys.argv[3], sys.argv[3:])"
)
Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small whole tree, not to be changed."""
    root = tmp_path_factory.mktemp("drawn") / "tree"
    generate(root, 0, SyntheticSysu(16, 4, 4, 0.5, 32, 16))
    return root


@pytest.fixture
def tree(drawn: Path, tmp_path: Path) -> Path:
    """Return a copy of it, to be changed or damaged."""
    return Path(shutil.copytree(drawn, tmp_path / "tree"))


def _talk(commands: int, answers: int) -> Call:
    count, read = iter(range(1, 10**6)), bytearray()

    def message() -> dict[str, Any]:
        while b"\0" not in read:
            assert select.select([answers], [], [], LONG)[0], "the browser does not answer"
            more = os.read(answers, 1 << 16)
            assert more, "the browser has gone away"
            read.extend(more)
        told, _, rest = bytes(read).partition(b"\0")
        read[:] = rest
        return dict(json.loads(told))

    def call(method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        sent = {"id": next(count), "method": method, "params": params}
        os.write(commands, json.dumps(sent | ({"sessionId": session} if session else {})).encode() + b"\0")
        while (got := message()).get("id") != sent["id"]:
            pass
        return dict(got["result"])

    return call


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Call]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    profile = tmp_path_factory.mktemp("profile")
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    command = [sys.executable, "-c", LAUNCH, str(theirs_in), str(theirs_out), found]
    with subprocess.Popen(
        [*command, *FLAGS, f"--user-data-dir={profile}"],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(theirs_in)
        os.close(theirs_out)
        call = _talk(ours_out, ours_in)
        yield call
        call("Browser.close")
        process.wait(timeout=LONG)
    os.close(ours_out)
    os.close(ours_in)


@pytest.fixture
def visit(browser: Call) -> Iterator[Callable[..., Any]]:
    """Yield ``visit(page, width, scheme, expression)``: an expression's value, or the picture for None."""
    target = browser("Target.createTarget", url="about:blank")["targetId"]
    session = str(browser("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def value(expression: str) -> Any:
        options = {"awaitPromise": True, "returnByValue": True}
        told = browser("Runtime.evaluate", session, expression=expression, **options)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def look(page: Path, width: int, scheme: str, expression: str | None = None) -> Any:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser("Emulation.setDeviceMetricsOverride", session, **size)
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        browser("Emulation.setEmulatedMedia", session, features=wanted)
        browser("Page.navigate", session, url=page.as_uri())
        loaded = "document.readyState == 'complete' && location.protocol == 'file:'"
        while not value(loaded):
            pass
        if expression is not None:
            return value(expression)
        shot = browser("Page.captureScreenshot", session, format="png")["data"]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(shot))).convert("L"))

    yield look
    browser("Target.closeTarget", targetId=target)
