import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from isofed.client.site import doctor
from isofed.client.site.doctor import FAIL, OK, WARN, Finding, findings
from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import read_policy, write_policy
from isofed.client.site.settings import read_settings, write_settings
from isofed.protocols.certificates import for_site, new_authority
from isofed.protocols.keys import for_flower, keep, new_key, read_key
from isofed.server.hub.contacts import read_contacts
from tests.client.site.site_case import camera_tree, made_site, whole_tree
from tests.server.hub.hub_case import Hub, lines, made_hub, opened
from tests.server.hub.hub_case import made_site as joined


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    return camera_tree(whole_tree(folder / "whole"), folder / "own")


@pytest.fixture
def site(tmp_path: Path, own: Path) -> SiteFolder:
    folder = made_site(tmp_path / "site", own, connector_port=free(), supernode_port=free())
    folder.root.chmod(0o700)
    return folder


def free() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def about(found: Iterator[Finding], what: str) -> list[Finding]:
    return [finding for finding in found if finding.what.startswith(what)]


def change(site: SiteFolder, **settings: Any) -> None:
    write_settings(site.settings, replace(read_settings(site.settings), **settings))


def test_a_site_that_could_join_fails_in_nothing(site: SiteFolder) -> None:
    found = list(findings(site))
    assert [finding for finding in found if finding.state == FAIL] == []
    assert all((finding.mend == "") == (finding.state == OK) for finding in found)
    (data,) = about(iter(found), "data")
    assert data.what.startswith("data: sysu, ") and "8 classes" in data.what
    (server,) = about(iter(found), "server")
    assert server.state == WARN and "isofed site join" in server.mend


def test_each_finding_has_a_mend(site: SiteFolder, monkeypatch: pytest.MonkeyPatch, own: Path) -> None:
    site.root.chmod(0o755)
    assert about(findings(site), "files")[0].mend == f"chmod go= '{site.root}'"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    change(site, device="cuda:1", threads=512, root=str(own / "cam1"))
    found = list(findings(site))
    threads, missing = about(iter(found), "device")
    assert threads.state == WARN and "'threads' in site.toml" in threads.mend
    assert missing.state == FAIL and "PyTorch sees 1 GPUs" in missing.what
    (data,) = about(iter(found), "data")
    assert data.state == FAIL and data.mend


def test_a_policy_that_forbids_the_site_itself_is_found(site: SiteFolder, own: Path) -> None:
    policy = replace(read_policy(site.policy), tasks=("vein",), strategies=("fedavgg",), levels=())
    write_policy(site.policy, policy)
    states = [(finding.state, finding.what, finding.mend) for finding in about(findings(site), "contract")]
    assert (FAIL, "contract: the policy forbids this site's own reid") in [state[:2] for state in states]
    assert any(state == WARN and "did you mean 'fedavg'" in mend for state, _, mend in states)
    site.policy.write_text("tasks = 3")
    (broken,) = about(findings(site), "contract")
    assert broken.state == FAIL and "policy.toml" in broken.mend


def test_contents_that_the_level_keeps_are_found(site: SiteFolder) -> None:
    change(site, level="camera_strict")
    write_policy(site.policy, replace(read_policy(site.policy), levels=("camera_strict",)))
    (kept, fine) = about(findings(site), "contract")
    assert (kept.state, fine.state) == (WARN, OK)
    assert "camera_strict lets no identity_centres, identity_head_rows out" in kept.what


def test_what_the_owner_of_the_data_declared_holds(site: SiteFolder, own: Path) -> None:
    declaration = own / "cam1" / "isofed-level.txt"
    declaration.write_text("camera_strict\n")
    try:
        (found,) = about(findings(site), "contract")
    finally:
        declaration.unlink()
    assert found.state == FAIL and "declared for protocol 'camera_strict'" in found.mend


def test_a_port_that_somebody_has_is_found(site: SiteFolder) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        change(site, supernode_port=door.getsockname()[1])
        (found,) = about(findings(site), "ports")
    assert found.state == FAIL and "'supernode_port'" in found.mend


def test_a_server_that_is_away_is_found(site: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    change(site, host="127.0.0.1", enrolment_port=free())
    keep(site.authority, new_authority(new_key(), "nobody").pem)
    keep(site.key, for_flower(new_key()))
    monkeypatch.setattr("isofed.client.site.joining.SECONDS", 1.0)
    found = list(findings(site))
    (server,), (certificate,) = about(iter(found), "server"), about(iter(found), "certificate")
    assert server.state == FAIL and "does not answer" in server.what and "firewall" in server.mend
    assert certificate.state == WARN and "approve" in certificate.mend


@pytest.mark.parametrize(
    ("apart", "state", "side"),
    [
        (0.2, OK, "behind"),
        (-0.2, OK, "ahead of"),
        (-2.0, WARN, "ahead of"),
        (-6.0, FAIL, "ahead of"),
        (30.0, WARN, "behind"),
        (150.0, FAIL, "behind"),
    ],
)
def test_clocks_that_differ_are_found(apart: float, state: str, side: str) -> None:
    found = doctor._clock(apart)
    assert found.state == state and f"{abs(apart):.1f} s {side} the server's" in found.what
    assert ("timedatectl" in found.mend) == (state != OK)


def test_little_room_is_found(site: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**28))
    monkeypatch.setattr(Path, "read_text", _memory(Path.read_text))
    found = list(findings(site))
    assert about(iter(found), "disk")[0].state == FAIL
    assert about(iter(found), "memory")[0].state == WARN


def _memory(real: Any) -> Any:
    def read(path: Path, *args: Any, **kwargs: Any) -> str:
        if str(path) == "/proc/meminfo":
            return "MemTotal: 9 kB\nMemAvailable: 1048576 kB\n"
        text: str = real(path, *args, **kwargs)
        return text

    return read


def test_without_settings_nothing_else_is_looked_at(tmp_path: Path) -> None:
    (found,) = findings(SiteFolder(tmp_path))
    assert found.state == FAIL and "isofed site init" in str(found)


def test_flower_takes_no_clock_that_the_doctor_passes_wrongly() -> None:
    from flwr.common.constant import SYSTEM_TIME_TOLERANCE, TIMESTAMP_TOLERANCE

    from isofed.client.site.line import LONGEST

    assert doctor.AHEAD[1] < SYSTEM_TIME_TOLERANCE
    assert doctor.BEHIND[1] + LONGEST < TIMESTAMP_TOLERANCE + SYSTEM_TIME_TOLERANCE


def test_an_evaluator_without_scipy_is_told(
    tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = own.parent / "whole"
    site = made_site(tmp_path / "site", whole, name="evaluator", role="evaluator")
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    fine, missing = about(findings(site), "data")
    assert (fine.state, missing.state) == (OK, WARN) and "pip install scipy" in missing.mend


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    made = made_hub(tmp_path_factory.mktemp("hub") / "hub")
    with opened(made):
        yield made


def asked(site: SiteFolder, **settings: Any) -> tuple[Finding, Finding]:
    """Return what is found of a site's certificate and of the gateway."""
    certificate, gateway = doctor.gateway(site, replace(read_settings(site.settings), **settings))
    assert bool(gateway.mend) == (gateway.state != OK)
    return certificate, gateway


def test_a_gateway_that_lets_the_site_through_is_told_from_all_others(hub: Hub, tmp_path: Path) -> None:
    site = joined(hub, tmp_path / "cam1", "cam1")
    certificate, gateway = asked(site)
    assert certificate.state == gateway.state == OK and gateway.what.endswith("takes the certificate")
    assert read_contacts(hub.folder.contacts) == {}  # it is no sign of life
    hub.register.revoke("cam1")
    _, gateway = asked(site)
    assert gateway.state == FAIL and "answers 403, 'cam1' is revoked" in gateway.what
    assert "new token" in gateway.mend
    (refusal,) = [line for line in lines(hub.folder.logs / "refusals.jsonl") if line["path"]]
    assert refusal["reason"] == "'cam1' is revoked"
    _, gateway = asked(site, gateway_port=free())
    assert gateway.state == FAIL and "does not answer" in gateway.what and "firewall" in gateway.mend


def test_a_certificate_that_tls_does_not_take_is_found(hub: Hub, tmp_path: Path) -> None:
    site = joined(hub, tmp_path / "cam2", "cam2")
    other, key = new_authority(new_key(), "test"), read_key(site.key)
    keep(site.certificate, for_site(other, key.public_key(), "cam2"))
    _, gateway = asked(site)
    assert gateway.state == FAIL and "new token" in gateway.mend
    keep(site.certificate, for_site(hub.authority, key.public_key(), "cam2", days=-1e-4))
    certificate, gateway = asked(site)
    assert certificate.state == gateway.state == FAIL and "new token" in certificate.mend
    keep(site.authority, other.pem)
    _, gateway = asked(site)
    assert gateway.state == FAIL and "no TLS with" in gateway.what and "another authority" in gateway.what
