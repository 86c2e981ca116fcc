"""The register's sites at Flower's SuperLink: whom the register approves is let in there, and nobody else."""

import httpx

from isofed.errors import ConfigError
from isofed.protocols.runtime import Door, node_keys, register_node, unregister_node
from isofed.server.hub.authority import register
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import read_settings
from isofed.server.hub.sites import Site


def door(folder: HubFolder) -> Door:
    """Return where a server's SuperLink listens, and what opens it."""
    settings = read_settings(folder)
    return Door(settings.superlink, folder.secret.read_bytes(), folder.authority.read_bytes())


def register_missing(folder: HubFolder) -> bool:
    """Let in at the SuperLink whom the register approves, and nobody else; may be called at any time.

    It compares what both have, so that it mends what a killed process or a restored backup left.

    Returns:
        False where the SuperLink cannot be reached; then call it again when it is up.

    Raises:
        ConfigError: the SuperLink refuses a site's key.
    """
    try:
        _agree(folder)
    except httpx.TransportError:
        return False
    return True


def _agree(folder: HubFolder) -> None:
    into, sites = door(folder), register(folder)
    held = node_keys(into)
    wanted = {site.key: site for site in sites.sites() if site.state == "approved"}
    # a site that joins anew, after its certificate expired, may come back with the same key
    kept = {site.key for site in sites.sites() if site.state != "revoked"}
    for key in sorted(held.keys() - kept):
        unregister_node(into, held[key])
    for key, site in wanted.items():
        number = held[key] if key in held else _registered(into, site)
        if number != site.node:
            sites.noted(site.name, number)


def _registered(into: Door, site: Site) -> int:
    try:
        return register_node(into, site.key.encode())
    except httpx.HTTPStatusError as error:
        # another process that agrees with the register at this moment may have been the first
        if (number := node_keys(into).get(site.key)) is not None:
            return number
        # as after a backup from before the key was revoked: Flower never takes a key back
        raise ConfigError(
            f"Flower's SuperLink refuses the key of '{site.name}' ({error.response.status_code}); revoke it "
            "and invite it again, so that it joins with a new key"
        ) from None
