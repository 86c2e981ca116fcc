"""The operator's commands: what they print, in which order they work, what they say otherwise."""

from pathlib import Path

import pytest

from isofed.errors import ConfigError
from isofed.files import write_json
from isofed.protocols.invitation import parse
from isofed.protocols.keys import new_key, public_pem
from isofed.server.hub import authority
from isofed.server.hub.command import COMMANDS, main
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import read_settings
from isofed.server.hub.table import ago

MANIFEST = {
    "task": "reid",
    "level": "camera",
    "cameras": ["cam1"],
    "counts": {"images": 12},
    "role": "trainer",
}
Said = pytest.CaptureFixture[str]


@pytest.fixture
def hub(tmp_path: Path, capsys: Said) -> str:
    """A server's folder."""
    words = [f"--{name}-port={port}" for name, port in (("gateway", 19443), ("enrolment", 19444))]
    assert main(["init", str(tmp_path / "hub"), "--host", "hub.example.org", *words]) == 0
    capsys.readouterr()
    return str(tmp_path / "hub")


@pytest.fixture(autouse=True)
def no_superlink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens: what the SuperLink says is another test's."""
    from isofed.server.hub import nodes

    monkeypatch.setattr(nodes, "register_missing", lambda folder: False)


def applied(hub: str, name: str) -> None:
    """Let a site apply."""
    secret = parse(authority.invite(HubFolder(Path(hub)), name)).secret
    register = authority.register(HubFolder(Path(hub)))
    register.apply(name, secret, public_pem(new_key().public_key()), MANIFEST)


def test_the_help_teaches_every_command(capsys: Said) -> None:
    assert main([]) == main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in COMMANDS)
    for name in ("init", "invite", "sites", "approve", "revoke"):
        with pytest.raises(SystemExit) as left:
            main([name, "--help"])
        assert left.value.code == 0 and f"isofed server {name}" in capsys.readouterr().out


def test_init_says_what_comes_next_and_again_that_it_is_there(tmp_path: Path, capsys: Said) -> None:
    folder = str(tmp_path / "hub")
    main(["init", folder, "--host", "hub.example.org"])
    told = capsys.readouterr().out
    assert "9443 and 9444" in told and "on this machine alone" in told and "isofed server up" in told
    for again in ([], ["--host", "hub.example.org"]):
        main(["init", folder, *again])
        assert "already, and complete" in capsys.readouterr().out
    main(["init", str(tmp_path / "open"), "--host", "hub.example.org", "--listen", "0.0.0.0"])
    assert "on this machine alone" not in capsys.readouterr().out


def test_commands_to_be_copied_quote_a_folder_that_a_shell_would_part(tmp_path: Path, capsys: Said) -> None:
    folder = str(tmp_path / "our hub")
    assert main(["init", folder, "--host", "hub.example.org"]) == 0
    assert f"next: isofed server up '{folder}'" in capsys.readouterr().out
    assert main(["sites", folder]) == 0
    assert f"isofed server invite '{folder}' SITE" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=f"isofed server init '{folder} b' --host NAME"):
        main(["sites", f"{folder} b"])


def test_init_takes_every_setting(hub: str) -> None:
    held = read_settings(HubFolder(Path(hub)))
    assert (held.gateway_port, held.enrolment_port, held.superlink_port) == (19443, 19444, 9441)


def test_a_token_is_one_line(hub: str, capsys: Said) -> None:
    assert main(["invite", hub, "cam1", "--hours", "2"]) == 0
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and parse(told).name == "cam1"
    held = authority.register(HubFolder(Path(hub))).site("cam1")
    assert held.token_until - held.invited_at == 7200


def test_a_site_is_let_in_and_out(hub: str, capsys: Said) -> None:
    applied(hub, "cam1")
    main(["approve", hub, "cam1"])
    told = capsys.readouterr().out
    mark = authority.register(HubFolder(Path(hub))).site("cam1").fingerprint
    assert "cam1 is approved, until" in told and mark in told and "12 images" in told
    assert "'isofed server up' is not running; when it starts, its node is registered" in told
    main(["approve", hub, "cam1"])
    assert "cam1 is approved already, until" in capsys.readouterr().out
    main(["revoke", hub, "cam1"])
    told = capsys.readouterr().out
    assert (
        "cam1 is revoked; to let it in again" in told and "when it starts, its node is unregistered" in told
    )
    main(["revoke", hub, "cam1"])
    told = capsys.readouterr().out
    assert "cam1 was revoked already, on" in told and "node" not in told


def test_the_table_of_sites(hub: str, capsys: Said) -> None:
    main(["sites", hub])
    assert "nobody was invited yet" in capsys.readouterr().out
    folder = HubFolder(Path(hub))
    for name in ("cam1", "cam2", "cam3"):
        applied(hub, name)
    main(["invite", hub, "cam4"])
    main(["approve", hub, "cam1"])
    main(["revoke", hub, "cam3"])
    write_json(folder.contacts, {"cam1": {"heard": 0.0}, "cam2": {"heard": "odd"}})
    capsys.readouterr()
    main(["sites", hub])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["SITE", "STATE", "UNTIL"]
    states = dict(row.split()[:2] for row in rows)
    assert states == {"cam1": "approved", "cam2": "pending", "cam3": "revoked", "cam4": "invited"}
    assert " d ago" in rows[0] and "12 images" in rows[0] and "SHA256:" in rows[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["aprove", "HUB"], "unknown server command 'aprove'; did you mean 'approve'"),
        (["approve", "HUB", "cam1"], "unknown site 'cam1'; nobody was invited yet"),
        (["approve", "HUB", "cam/1"], "cannot name a site"),
        (["invite", "HUB"], "required: SITE; see isofed server invite --help"),
        (["invite", "HUB", "cam1", "--hours", "0"], "'hours' is 0.0"),
        (["invite", "HUB", "cam1", "--hours", "two"], "invalid float"),
        (["init", "NEW"], "'--host' is missing"),
        (["init", "NEW", "--gatway-port", "9"], r"--gatway-port 9; did you mean '--gateway-port'\?"),
        (["init", "HUB", "--host", "other"], "with other settings"),
        (["init", "HUB", "--listen", "0.0.0.0"], "with other settings"),
        (["init", "HUB", "--host", "hub.example.org", "--superlink-port", "9"], "with other settings"),
        (["init", "NEW", "--host", "a b"], "'host' is 'a b'"),
        (["sites", "NEW"], "no server's folder"),
        (["sites"], "required: DIR"),
        (["revoke", "NEW", "cam1"], "no server's folder"),
    ],
)
def test_what_cannot_be_is_one_sentence(hub: str, tmp_path: Path, words: list[str], said: str) -> None:
    places = {"HUB": hub, "NEW": str(tmp_path / "new")}
    with pytest.raises(ConfigError, match=said):
        main([places.get(word, word) for word in words])
    assert not (tmp_path / "new").exists()


def test_how_long_ago() -> None:
    assert [ago(s) for s in (-1, 3, 119, 120, 7199, 7200, 200_000)] == [
        "0 s ago", "3 s ago", "119 s ago", "2 min ago", "120 min ago", "2 h ago", "2 d ago",
    ]  # fmt: skip
