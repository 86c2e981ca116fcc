"""``isofed site service``: files with which systemd, or a container, keeps a site up and shut in."""

import json
import os
import pwd
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from isofed import __version__
from isofed.client.site.folder import SiteFolder
from isofed.client.site.settings import Settings, read_settings
from isofed.files import atomic

FOLDER = "service"
GPUS = ("/dev/nvidiactl", "/dev/nvidia-uvm", "char-nvidia")


def write(folder: SiteFolder, user: str) -> tuple[Path, ...]:
    """Write the unit, and what a container needs, into the site's folder; return the files."""
    settings = read_settings(folder.settings)
    texts = {
        f"isofed-{settings.name}.service": unit(folder, settings, user),
        "compose.yaml": compose(folder, settings),
        "Dockerfile": dockerfile(settings),
    }
    paths = []
    for name, text in texts.items():
        paths.append(folder.root / FOLDER / name)
        with atomic(paths[-1]) as file:
            file.write(text.encode())
    return tuple(paths)


def unit(folder: SiteFolder, settings: Settings, user: str) -> str:
    """Return a systemd unit that may write into the site's folder alone and reads no home but its own.

    Args:
        folder: the site's.
        settings: of site.toml.
        user: who owns the folder and may read the data.
    """
    root = folder.root.absolute()
    return "\n".join(
        [
            "[Unit]",
            f"Description=isofed site {settings.name}",
            "Wants=network-online.target",
            "After=network-online.target time-sync.target",
            "",
            "[Service]",
            f"User={user}",
            f"ExecStart={_command(sys.executable)} -m isofed site up {_command(root)}",
            "Restart=on-failure",
            "RestartSec=5",
            "# the site ends its own processes, in order; what is left after that is killed",
            "KillMode=mixed",
            "TimeoutStopSec=60",
            "",
            *_shut_in(root, settings),
            "",
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        ]
    )


def _shut_in(root: Path, settings: Settings) -> Sequence[str]:
    yes = (
        *("NoNewPrivileges", "PrivateTmp", "ProtectControlGroups", "ProtectKernelLogs"),
        *("ProtectKernelModules", "ProtectKernelTunables", "ProtectClock", "ProtectHostname"),
        *("RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality", "RemoveIPC"),
    )
    return [
        "ProtectSystem=strict",
        f"ReadWritePaths={_quoted(root)}",
        f"ReadOnlyPaths={_quoted(settings.root)}",
        f"ProtectHome={_homes(root, settings)}",
        *(f"{name}=yes" for name in yes),
        *_devices(settings),
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        *_addresses(settings.host),
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallErrorNumber=EPERM",
        "ProtectProc=invisible",
        "UMask=0077",
        "# a core dump would hold pictures",
        "LimitCORE=0",
        "# PyTorch makes code while it runs, so that memory may be written and executed",
        "MemoryDenyWriteExecute=no",
    ]


def _homes(root: Path, settings: Settings) -> str:
    used = (root, Path(settings.root), Path(sys.executable))
    return "read-only" if any(path.parts[1:2] in (("home",), ("root",)) for path in used) else "yes"


def _devices(settings: Settings) -> Sequence[str]:
    if settings.device == "cpu":
        return ["PrivateDevices=yes"]
    return ["DevicePolicy=closed", *(f"DeviceAllow={gpu} rw" for gpu in GPUS)]


def _addresses(host: str) -> Sequence[str]:
    try:
        ip_address(host)
    except ValueError:
        return ["# a name is looked up; with an address as 'host' no other could be reached"]
    return ["IPAddressDeny=any", f"IPAddressAllow=localhost {host}"]


def compose(folder: SiteFolder, settings: Settings) -> str:
    """Return a compose file for one site: nothing is writable but the site's folder, no port is published."""
    root, owner = folder.root.absolute(), folder.root.stat()
    gpus = [] if settings.device == "cpu" else ["    gpus: all"]
    return "\n".join(
        [
            "services:",
            "  site:",
            f"    image: isofed-site:{__version__}",
            "    build: .",
            f"    command: [site, up, {_in_yaml(root)}]",
            f'    user: "{owner.st_uid}:{owner.st_gid}"',
            "    init: true",
            "    read_only: true",
            "    cap_drop: [ALL]",
            '    security_opt: ["no-new-privileges:true"]',
            "    tmpfs: [/tmp]",
            "    pids_limit: 512",
            "    ulimits:",
            "      core: 0",
            "    volumes:",
            f"      - {{type: bind, source: {_in_yaml(root)}, target: {_in_yaml(root)}}}",
            f"      - {{type: bind, source: {_in_yaml(settings.root)}, target: {_in_yaml(settings.root)}, "
            "read_only: true}",
            *gpus,
            "    restart: unless-stopped",
            "    stop_grace_period: 60s",
            "",
        ]
    )


def dockerfile(settings: Settings) -> str:
    """Return how the image is made; the wheel is what ``python -m build`` makes of a checkout."""
    index = "cpu" if settings.device == "cpu" else "cu128"
    return "\n".join(
        [
            f"FROM python:{sys.version_info.major}.{sys.version_info.minor}-slim",
            f"COPY isofed-{__version__}-py3-none-any.whl /opt/",
            "RUN pip install --no-cache-dir --extra-index-url "
            f"https://download.pytorch.org/whl/{index} '/opt/isofed-{__version__}-py3-none-any.whl[site]'",
            "ENV HOME=/tmp",
            'ENTRYPOINT ["python", "-m", "isofed"]',
            "",
        ]
    )


def how(paths: Sequence[Path]) -> str:
    """Return what to do with the files."""
    unit = paths[0]
    return "\n".join(
        [
            f"systemd:   sudo cp '{unit}' /etc/systemd/system/",
            f"           sudo systemctl enable --now {unit.stem}",
            f"container: copy isofed's wheel into {unit.parent}, there: docker compose up --build -d",
        ]
    )


def user() -> str:
    """Return the name of whoever runs this process, or the number where there is no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _quoted(path: Path | str) -> str:
    """Write a path for a unit, in which a per cent sign begins a specifier."""
    return json.dumps(str(path), ensure_ascii=False).replace("%", "%%")


def _command(path: Path | str) -> str:
    """Write a path for a unit's command, in which a dollar sign begins a variable, too."""
    return _quoted(path).replace("$", "$$")


def _in_yaml(path: Path | str) -> str:
    """Write a path for a compose file, in which a dollar sign begins a variable."""
    return json.dumps(str(path), ensure_ascii=False).replace("$", "$$")
