import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from isofed.client.site import service
from isofed.client.site.folder import SiteFolder
from isofed.client.site.settings import read_settings
from tests.client.site.site_case import made_site


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return made_site(tmp_path / "a site", tmp_path / "data")


def keys(unit: str) -> dict[str, str]:
    lines = [line.partition("=") for line in unit.splitlines() if "=" in line and line[0] != "#"]
    return {name: value for name, _, value in lines}


def test_the_unit_shuts_the_site_in(site: SiteFolder) -> None:
    unit = keys(service.unit(site, read_settings(site.settings), "isofed"))
    assert unit["ReadWritePaths"] == f'"{site.root}"' and unit["ProtectSystem"] == "strict"
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == ""
    assert unit["User"] == "isofed" and unit["PrivateDevices"] == "yes" and unit["LimitCORE"] == "0"
    for name in ("NoNewPrivileges", "PrivateTmp", "RestrictSUIDSGID", "RestrictNamespaces"):
        assert unit[name] == "yes"
    assert unit["ExecStart"].endswith(f'-m isofed site up "{site.root}"')
    assert "IPAddressDeny" not in unit


def test_an_address_is_the_only_one_that_can_be_reached(site: SiteFolder) -> None:
    settings = replace(read_settings(site.settings), host="192.0.2.7", device="cuda:1")
    unit = keys(service.unit(site, settings, "isofed"))
    assert (unit["IPAddressDeny"], unit["IPAddressAllow"]) == ("any", "localhost 192.0.2.7")
    assert "PrivateDevices" not in unit and unit["DevicePolicy"] == "closed"
    assert "gpus: all" in service.compose(site, settings) and "whl/cu" in service.dockerfile(settings)


def test_homes_are_hidden_unless_one_is_used(site: SiteFolder) -> None:
    settings = replace(read_settings(site.settings), root="/home/ana/SYSU-MM01")
    assert keys(service.unit(site, settings, "ana"))["ProtectHome"] == "read-only"


def test_the_files_are_written_into_the_sites_folder(site: SiteFolder) -> None:
    paths = service.write(site, "isofed")
    assert [path.name for path in paths] == ["isofed-cam1.service", "compose.yaml", "Dockerfile"]
    assert all(path.parent == site.root / "service" for path in paths)
    compose = paths[1].read_text()
    assert "read_only: true" in compose and "cap_drop: [ALL]" in compose and "ports:" not in compose
    assert "systemctl enable --now isofed-cam1" in service.how(paths)


def test_odd_names_of_folders_are_written_as_each_file_needs_them(tmp_path: Path) -> None:
    site = made_site(tmp_path / 'a "100 %" $ite', tmp_path / "data")
    settings = read_settings(site.settings)
    unit = keys(service.unit(site, settings, "isofed"))
    assert unit["ReadWritePaths"].endswith(r'/a \"100 %%\" $ite"')
    assert unit["ExecStart"].endswith(r'/a \"100 %%\" $$ite"')
    assert r'/a \"100 %\" $$ite"' in service.compose(site, settings)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_takes_the_unit(site: SiteFolder) -> None:
    path = service.write(site, "root")[0]
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
