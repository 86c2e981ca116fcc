"""hub.toml: what was written is read, and what cannot be is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import HubSettings, read_settings, write_settings

NAMES = st.text(min_size=1, max_size=64).filter(str.isprintable)
HOSTS = st.sampled_from(["hub.example.org", "10.0.0.7", "2001:db8::1", "localhost", "a-1.b"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, host=HOSTS, ports=st.lists(st.integers(1, 65535), min_size=3, max_size=3, unique=True))
def test_what_was_written_is_read(tmp_path: Path, name: str, host: str, ports: list[int]) -> None:
    folder, written = HubFolder(tmp_path), HubSettings(host, name, "0.0.0.0", *ports)
    write_settings(folder, written)
    assert read_settings(folder) == written
    assert folder.settings.stat().st_mode & 0o777 == 0o600


def test_what_is_not_given() -> None:
    held = HubSettings("hub.example.org")
    assert (held.name, held.listen) == ("hub.example.org", "127.0.0.1")
    assert (held.gateway, held.enrolment, held.superlink) == (
        "127.0.0.1:9443", "127.0.0.1:9444", "127.0.0.1:9441",
    )  # fmt: skip
    assert HubSettings("a", listen="::").gateway == "[::]:9443"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"host": ""}, "'host'"),
        ({"host": "https://hub"}, "'host'"),
        ({"host": "hub:9443"}, "'host'"),
        ({"host": "-a.b"}, "'host'"),
        ({"host": "a" * 64}, "'host'"),
        ({"host": "ok\n"}, "'host'"),
        ({"listen": "everywhere"}, "'listen'"),
        ({"name": "a\nb"}, "'name'"),
        ({"name": "n" * 65}, "'name'"),
        ({"gateway_port": 0}, "between 1 and 65535"),
        ({"enrolment_port": 9443}, "two ports are the same"),
    ],
)
def test_what_no_server_can_have_is_refused(given: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        HubSettings(**{"host": "hub", **given})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (
            'hots = "a"',
            "unknown key 'hub.toml.hots'; did you mean 'hub.toml.host'|unknown key 'hub.toml.hots'",
        ),
        ("host = 1", "'hub.toml.host' is 1, but must be a text"),
        ('host = "a"\ngateway_port = "x"', "must be a whole number"),
        ("host", "hub.toml cannot be read"),
        ('name = "a"', "'hub.toml.host' is missing"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "hub.toml").write_text(text)
    with pytest.raises(ConfigError, match=word):
        read_settings(HubFolder(tmp_path))


def test_a_folder_without_settings_is_no_servers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no server's folder.*isofed server init"):
        read_settings(HubFolder(tmp_path))
