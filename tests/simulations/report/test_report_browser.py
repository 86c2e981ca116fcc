"""The report in a real browser: what a reader sees at several widths, in light and in dark."""

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

from isofed.simulations.report import Gallery, write_report

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

pytestmark = pytest.mark.slow


def _talk(commands: int, answers: int) -> Call:
    count, read = iter(range(1, 10**6)), bytearray()

    def message() -> dict[str, Any]:
        while b"\0" not in read:
            assert select.select([answers], [], [], 60)[0], "the browser does not answer"
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
        process.wait(timeout=20)
    os.close(ours_out)
    os.close(ours_in)


@pytest.fixture
def screen(
    browser: Call, tmp_path: Path, summary: dict[str, Any], history: dict[str, Any], gallery: Gallery
) -> Iterator[Callable[..., Any]]:
    """Yield ``look(width, scheme, expression)``: the value of an expression, or the picture for None."""
    place = tmp_path / "report.html"
    target = browser("Target.createTarget", url="about:blank")["targetId"]
    session = str(browser("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def value(expression: str) -> Any:
        options = {"awaitPromise": True, "returnByValue": True}
        told = browser("Runtime.evaluate", session, expression=expression, **options)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def look(width: int, scheme: str, expression: str | None = None) -> Any:
        write_report(tmp_path, summary, history, gallery)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser("Emulation.setDeviceMetricsOverride", session, **size)
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        browser("Emulation.setEmulatedMedia", session, features=wanted)
        browser("Page.navigate", session, url=place.as_uri())
        loaded = "document.readyState == 'complete' && location.protocol == 'file:'"
        while not value(loaded):
            pass
        if expression is not None:
            return value(expression)
        shot = browser("Page.captureScreenshot", session, format="png")["data"]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(shot))).convert("L"))

    yield look
    browser("Target.closeTarget", targetId=target)


@pytest.mark.parametrize("width", [320, 400, 768, 1400])
def test_the_page_never_scrolls_sideways(screen: Callable[..., Any], width: int) -> None:
    assert screen(width, "light", "[innerWidth, document.documentElement.scrollWidth]")[0] == width
    assert screen(width, "light", "document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [400, 1400])
def test_long_names_do_not_widen_the_page(
    screen: Callable[..., Any], width: int, summary: dict[str, Any], history: dict[str, Any]
) -> None:
    name = "camera" * 40
    summary["metrics"]["alone"][name] = summary["metrics"]["alone"]["cam6"] | {"mAP": 0.3}
    for part in ("sites", "bytes", "left"):
        summary[part][name] = summary[part]["cam1"]
    summary |= {"strategy": name, "protocol": name, "engine": name, "version": name}
    summary["contract"]["leaves"] = [name]
    history["rounds"][0]["loss"][name] = 1.0
    assert screen(width, "light", "document.documentElement.scrollWidth") <= width
    assert screen(width, "light", "document.body.innerText").count(name) >= 8


def test_the_page_is_drawn_in_light_and_dark(screen: Callable[..., Any]) -> None:
    light, dark = screen(1400, "light"), screen(1400, "dark")
    assert light.shape == (900, 1400)
    assert np.median(light) > 220 and np.median(dark) < 60
    assert light.std() > 10 and dark.std() > 10


def test_the_headline_is_in_the_document(screen: Callable[..., Any]) -> None:
    seen = screen(400, "light", "document.querySelector('.hero').innerText")
    assert "41.5 %" in seen and "+17.5 points" in seen


def test_pictures_are_decoded(screen: Callable[..., Any]) -> None:
    widths = screen(1400, "light", "[...document.images].map((image) => image.naturalWidth)")
    assert len(widths) == 22 and set(widths) == {24}


def test_a_point_is_read_out_and_a_line_is_put_away(screen: Callable[..., Any]) -> None:
    seen = screen(
        1400,
        "light",
        """(() => {
          const figure = document.querySelectorAll("figure:has(svg.lines)")[1];
          const svg = figure.querySelector("svg.lines"), line = svg.querySelector(".series");
          const at = line.querySelector("polyline").points[2].matrixTransform(svg.getScreenCTM());
          const place = {clientX: at.x, clientY: at.y};
          const move = () => svg.dispatchEvent(new PointerEvent("pointermove", place));
          move();
          const read = figure.querySelector(".tip").textContent, button = figure.querySelector("button");
          button.click(); move();
          return [read, button.getAttribute("aria-pressed"), getComputedStyle(line).display,
                  figure.querySelector(".tip").textContent != read];
        })()""",
    )
    assert seen == ["cam1, round 3: 3.700", "false", "none", True]
