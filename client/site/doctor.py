"""``isofed site doctor``: what keeps a site from its work, each with its mend."""

import os
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
import torch

from isofed.client.place import EVALUATOR
from isofed.client.site import up
from isofed.client.site.folder import SiteFolder
from isofed.client.site.join import tls_key
from isofed.client.site.joining import Server, UnreachableError
from isofed.client.site.manifest import found, manifest
from isofed.client.site.policy import ANY, first_policy, read_policy
from isofed.client.site.settings import Settings, read_settings
from isofed.errors import IsofedError
from isofed.protocols.certificates import client_context, lifetime
from isofed.protocols.declared import declared, refuse
from isofed.protocols.fleet import ALIVE
from isofed.protocols.keys import read_key
from isofed.protocols.privacy import PRIVACY
from isofed.protocols.relay.wire import reason
from isofed.strategies.found import available
from isofed.suggest import hint

OK, WARN, FAIL = "ok", "warn", "FAIL"
# seconds that clocks may differ: noticed; too much for a request that Flower signs, which may be 305 seconds
# old, of which the connector uses 200, and 5 seconds young
BEHIND, AHEAD = (10.0, 100.0), (1.0, 4.0)
DAYS = 14.0  # left of a certificate
GIB = 2**30
LEAST, BETTER = 0.7, 2.0  # GiB of memory: what an idle site takes, and what a small model trains in
SMALL, ROOM = 0.5, 5.0  # GiB of disk
PATIENCE = 5.0  # seconds for a connection
ANEW = (
    "ask the operator whether the site is revoked; if so, or if it expired, give a new token to isofed site "
    "join --anew"
)
ASK = "ask the operator whether the gateway is up"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's.

    Args:
        state: ``ok``, ``warn`` or ``FAIL``.
        what: was looked at, and what was seen.
        mend: what to do; empty where all is well.
    """

    state: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.state:<5} {self.what}{': ' if self.mend else ''}{self.mend}"


Looks = Callable[[SiteFolder, Settings], Iterator[Finding]]


def findings(folder: SiteFolder) -> Iterator[Finding]:
    """Look at everything, the quick things first; what cannot be looked at is a finding, too."""
    try:
        settings = read_settings(folder.settings)
    except IsofedError as error:
        yield Finding(FAIL, "settings", str(error))
        return
    yield Finding(OK, f"settings: {settings.name}, {settings.task}, {settings.layout}, {settings.level}")
    looks: tuple[tuple[str, Looks], ...] = (
        ("files", files),
        ("contract", contract),
        ("disk", disk),
        ("memory", memory),
        ("device", device),
        ("ports", ports),
        ("server", server),
        ("gateway", gateway),
        ("data", data),
    )
    for name, look in looks:
        try:
            yield from look(folder, settings)
        except IsofedError as error:
            yield Finding(FAIL, name, str(error))
        except Exception as error:
            yield Finding(FAIL, f"{name}: {type(error).__name__}", f"{error}")


def files(folder: SiteFolder, settings: Settings) -> Iterator[Finding]:
    """See that nobody else can look into the site's folder."""
    private = [path for path in (folder.key, tls_key(folder), folder.home / "secret") if path.exists()]
    for path in (folder.root, *private):
        if path.stat().st_mode & 0o077:
            yield Finding(FAIL, f"files: others can open {path.name}", f"chmod go= '{path}'")
            return
    yield Finding(OK, "files: closed to others")


def contract(folder: SiteFolder, settings: Settings) -> Iterator[Finding]:
    """See that settings, policy and what the owner of the data declared go together."""
    task, layout = found(settings)
    policy = read_policy(folder.policy)
    for key, ours in (("tasks", task.name), ("levels", settings.level), ("roles", settings.role)):
        if ours not in getattr(policy, key):
            mend = f"add '{ours}' to '{key}' in policy.toml, or change site.toml"
            yield Finding(FAIL, f"contract: the policy forbids this site's own {ours}", mend)
    for key, known in (("tasks", {task.name}), ("strategies", available()), ("privacy", {"none", *PRIVACY})):
        for name in set(getattr(policy, key)) - {ANY} - set(known):
            mend = f"mend '{key}' in policy.toml{hint(name, known)} known: {', '.join(sorted(known))}"
            yield Finding(WARN, f"contract: '{name}' is installed nowhere here", mend)
    beyond = set(policy.contents) - set(first_policy(settings, task.private_head).contents)
    if beyond:
        mend = "tighten 'contents' in policy.toml; the level holds whatever it says"
        yield Finding(WARN, f"contract: {settings.level} lets no {', '.join(sorted(beyond))} out", mend)
    site = settings.name if settings.role == "trainer" else None
    for place in layout.folders(Path(settings.root), site):
        refuse(settings.level, declared(place))
    yield Finding(OK, f"contract: {', '.join(policy.messages) or 'nothing'} under {settings.level}")


def disk(folder: SiteFolder, settings: Settings) -> Iterator[Finding]:
    """See that there is room for memories and caches."""
    free = shutil.disk_usage(folder.root).free / GIB
    mend = "free some, or move the site's folder" if free < ROOM else ""
    yield Finding(_state(free, SMALL, ROOM), f"disk: {free:.1f} GiB free", mend)


def memory(folder: SiteFolder, settings: Settings) -> Iterator[Finding]:
    """See that there is memory to train in."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024 / GIB
    mend = "end other programs, or add memory" if free < BETTER else ""
    yield Finding(_state(free, LEAST, BETTER), f"memory: {free:.1f} GiB free", mend)


def device(folder: SiteFolder, settings: Settings) -> Iterator[Finding]:
    """See that what computes is there."""
    cores = len(os.sched_getaffinity(0))
    if settings.threads > cores:
        mend = "lower 'threads' in site.toml; equal bits need the same number at every site"
        yield Finding(WARN, f"device: {settings.threads} threads on {cores} cores", mend)
    if settings.device == "cpu":
        yield Finding(OK, f"device: cpu, {settings.threads} of {cores} cores")
        return
    count = torch.cuda.device_count()
    number = int(settings.device.partition(":")[2] or 0)
    if number >= count:
        mend = "write another 'device' into site.toml, or mend the driver (nvidia-smi) and PyTorch for it"
        yield Finding(FAIL, f"device: {settings.device}, but PyTorch sees {count} GPUs", mend)
        return
    free, total = (size / GIB for size in torch.cuda.mem_get_info(number))
    name = torch.cuda.get_device_name(number)
    yield Finding(OK, f"device: {settings.device}, {name}, {free:.1f} of {total:.1f} GiB free")


def ports(folder: SiteFolder, settings: Settings) -> Iterator[Finding]:
    """See that the site's own ports are free, unless it is up."""
    if up.is_up(folder):
        yield Finding(OK, "ports: the site is up")
        return
    for key in ("connector_port", "supernode_port"):
        if up.answers(getattr(settings, key)):
            mend = f"change '{key}' in site.toml"
            yield Finding(FAIL, f"ports: another program has {getattr(settings, key)}", mend)
            return
    yield Finding(OK, f"ports: {settings.connector_port} and {settings.supernode_port} are free")


def server(folder: SiteFolder, settings: Settings) -> Iterator[Finding]:
    """Ask the enrolment service how the site stands, and what time it is."""
    if not settings.host or not folder.authority.exists():
        yield Finding(WARN, "server: not joined", "isofed site join, with the operator's token")
        return
    at = f"{settings.host}:{settings.enrolment_port}"
    try:
        asked = Server(settings.host, settings.enrolment_port, folder.authority.read_bytes())
        standing = asked.collect(settings.name, read_key(folder.key))
    except UnreachableError:
        mend = "ask the operator whether the server is up; let the firewall pass outgoing connections there"
        yield Finding(FAIL, f"server: {at} does not answer", mend)
        return
    yield Finding(OK, f"server: {at}, {standing.state}")
    yield _clock(standing.now - time.time())


def _clock(apart: float) -> Finding:
    """Judge by how many seconds the site is behind the server; Flower forgives least who is ahead."""
    behind = apart > 0
    noticed, wrong = BEHIND if behind else AHEAD
    mend = "let NTP set the clock (timedatectl set-ntp true)" if abs(apart) > noticed else ""
    what = f"clock: {abs(apart):.1f} s {'behind' if behind else 'ahead of'} the server's"
    return Finding(_state(-abs(apart), -wrong, -noticed), what, mend)


def gateway(folder: SiteFolder, settings: Settings) -> Iterator[Finding]:
    """See that the gateway takes the site's certificate."""
    if not folder.certificate.exists():
        if folder.authority.exists():
            yield Finding(WARN, "certificate: none yet", "ask the operator to approve, then isofed site join")
        return
    left = (lifetime(folder.certificate.read_bytes())[1] - time.time()) / 86400
    mend = "isofed site renew; if it is refused, ask the operator for a new token" if left < DAYS else ""
    yield Finding(_state(left, 0, DAYS), f"certificate: {left:.0f} days left", mend)
    yield _asked(folder, settings, f"{settings.host}:{settings.gateway_port}")


def _asked(folder: SiteFolder, settings: Settings, at: str) -> Finding:
    """Ask the gateway, as the connector does, whether this site is let through."""
    shown = client_context(folder.authority, folder.certificate, tls_key(folder))
    try:
        with httpx.Client(verify=shown, timeout=PATIENCE, trust_env=False) as client:
            # with nothing in it, it is no sign of life
            answer = client.post(f"https://{_host(settings.host)}:{settings.gateway_port}{ALIVE}")
    except httpx.HTTPError as error:
        return _cut(error, at)
    if answer.status_code == 200:
        return Finding(OK, f"gateway: {at} takes the certificate")
    what = f"gateway: {at} answers {answer.status_code}, {answer.text[:200] or 'without a word'}"
    return Finding(FAIL, what, ANEW if answer.status_code == 403 else ASK)


def _cut(error: httpx.HTTPError, at: str) -> Finding:
    """Tell a gateway that is away from one with which there is no agreement on TLS."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        what = f"gateway: no TLS with {at}, which {reason(cause)}"
        return Finding(FAIL, what, ANEW)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        mend = f"{ASK}; let the firewall pass outgoing connections there"
        return Finding(FAIL, f"gateway: {at} does not answer", mend)
    # in TLS 1.3 a client is done before the server has looked at its certificate
    return Finding(FAIL, f"gateway: {at} hangs up on this site's certificate", ANEW)


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def data(folder: SiteFolder, settings: Settings) -> Iterator[Finding]:
    """Open everything that the site holds."""
    began = time.monotonic()
    said = manifest(settings)
    counted = ", ".join(f"{count:,} {what}" for what, count in said["counts"].items())
    shown = f"{settings.layout}, {counted}, {said['classes']:,} classes"
    yield Finding(OK, f"data: {shown}; opened in {time.monotonic() - began:.0f} s")
    if settings.role == EVALUATOR and find_spec("scipy") is None:
        mend = "pip install scipy, which reads published draws such as SYSU-MM01's"
        yield Finding(WARN, "data: SciPy is not installed", mend)


def _state(value: float, least: float, enough: float) -> str:
    return FAIL if value < least else WARN if value < enough else OK
