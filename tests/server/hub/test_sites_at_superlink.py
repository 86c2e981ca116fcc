"""The register's sites at a real SuperLink."""

from pathlib import Path

import pytest

from isofed.errors import ConfigError
from isofed.protocols.certificates import for_site
from isofed.protocols.keys import new_key, public_pem, read_public
from isofed.protocols.runtime import node_keys
from isofed.server.hub import nodes
from isofed.server.hub.nodes import door, register_missing
from tests.server.hub.hub_case import Hub, made_hub, superlink


def test_without_a_superlink_nothing_is_lost(tmp_path: Path) -> None:
    hub = made_hub(tmp_path / "hub")
    approved(hub, "cam1")
    assert not register_missing(hub.folder)
    assert hub.register.site("cam1").node == 0


@pytest.mark.slow
def test_the_superlink_has_whom_the_register_approves_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = made_hub(tmp_path / "hub")
    for name in ("cam1", "cam2"):
        approved(hub, name)
    with superlink(hub):
        assert register_missing(hub.folder)
        agree(hub, "cam1", "cam2")
        before = hub.register.site("cam1").node
        hub.register.noted("cam1", 0)  # as when a process was killed before it noted the number
        hub.register.revoke("cam2")
        assert register_missing(hub.folder) and register_missing(hub.folder)
        agree(hub, "cam1")
        assert hub.register.site("cam1").node == before
        another_was_the_first(hub, monkeypatch)
        agree(hub, "cam1")
        back_from_a_backup(hub)


def approved(hub: Hub, name: str) -> None:
    """Let a site in, as far as the register goes."""
    hub.register.apply(name, hub.register.invite(name), public_pem(new_key().public_key()), {})
    hub.register.approve(name, lambda name, key: for_site(hub.authority, read_public(key), name))


def agree(hub: Hub, *names: str) -> None:
    """See that both have the same nodes."""
    sites = [hub.register.site(name) for name in names]
    assert node_keys(door(hub.folder)) == {site.key: site.node for site in sites}
    assert all(site.node for site in sites)


def another_was_the_first(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """`server approve` and `server up` do the same at once: one looked before the other let the site in."""
    looks = iter([lambda into: {}])
    with monkeypatch.context() as early:
        early.setattr(nodes, "node_keys", lambda into: next(looks, node_keys)(into))
        assert register_missing(hub.folder)


def back_from_a_backup(hub: Hub) -> None:
    """Flower takes no key back that it has forgotten; a register that wants it is told so."""
    path = hub.folder.sites / "cam1.json"
    held = path.read_bytes()
    hub.register.revoke("cam1")
    assert register_missing(hub.folder)
    path.write_bytes(held)
    with pytest.raises(ConfigError, match=r"refuses the key of 'cam1'.*joins with a new key"):
        register_missing(hub.folder)
