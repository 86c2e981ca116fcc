"""The register: who may join, once; who is admitted; what is left when a process dies in between."""

import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from isofed.errors import CheckpointError, ConfigError
from isofed.protocols.certificates import for_site, new_authority
from isofed.protocols.keys import new_key, public_pem, read_public
from isofed.server.hub.register import Register
from isofed.server.hub.sites import OVERLAP, Site
from tests.pace import LONG
from tests.server.hub import racer
from tests.server.hub.racer import CONTEXT

AUTHORITY = new_authority(new_key(), "test")
KEYS = [public_pem(new_key().public_key()) for _ in range(4)]
KEY, OTHER, THIRD, FOURTH = KEYS
MANIFEST = {"task": "reid"}
DAY = 86400.0


def issue(name: str, key: str) -> bytes:
    """Sign as the authority would."""
    return for_site(AUTHORITY, read_public(key), name)


@dataclass
class Clock:
    """Goes on when it is told."""

    at: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    """Begin now."""
    return Clock()


@pytest.fixture
def register(tmp_path: Path, clock: Clock) -> Register:
    """A register without sites."""
    return Register(tmp_path / "sites", clock)


def approved(register: Register, name: str = "cam1", key: str = KEY) -> Site:
    """Let a site go the whole way."""
    register.apply(name, register.invite(name), key, MANIFEST)
    return register.approve(name, issue)


def admitted(register: Register, number: str) -> bool:
    """Tell whether a gateway would let a certificate in."""
    site = register.by_certificate(number)
    return site is not None and not site.refused(number, register.now())


def test_a_site_goes_from_invited_to_approved(register: Register) -> None:
    secret = register.invite("cam1")
    assert register.site("cam1").state == "invited"
    assert register.apply("cam1", secret, KEY, MANIFEST).state == "pending"
    site = register.approve("cam1", issue)
    assert (site.state, site.manifest, site.key) == ("approved", MANIFEST, KEY)
    assert register.sites() == [site] and register.site("cam1") == site
    assert admitted(register, site.serial)
    assert register.by_certificate("1") is None and not admitted(register, "")


def test_the_secret_itself_is_nowhere_and_the_files_are_closed(register: Register) -> None:
    secret = register.invite("cam1")
    register.apply("cam1", secret, KEY, MANIFEST)
    files = [path for path in register.folder.iterdir() if path.name != ".lock"]
    assert [path.name for path in files] == ["cam1.json"]
    assert secret not in files[0].read_text()
    assert files[0].stat().st_mode & 0o777 == 0o600
    assert register.folder.stat().st_mode & 0o777 == 0o700


def test_what_is_done_twice_is_done_once(register: Register) -> None:
    secret = register.invite("cam1")
    first = register.apply("cam1", secret, KEY, MANIFEST)
    again = register.apply("cam1", secret, KEY, {"task": "vein"})  # corrected before the operator looked
    assert (first.state, again.state, again.manifest) == ("pending", "pending", {"task": "vein"})
    site = register.approve("cam1", issue)
    assert register.approve("cam1", issue) == site
    assert register.apply("cam1", secret, KEY, MANIFEST) == site  # too late to say something else
    out = register.revoke("cam1")
    assert register.revoke("cam1") == out


def test_a_token_admits_one_key_once_in_time(register: Register, clock: Clock) -> None:
    void = register.invite("cam1")
    secret = register.invite("cam1", hours=1)
    for wrong in (void, "", secret[:-1], "x"):
        with pytest.raises(ConfigError, match="wrong, or was replaced or revoked"):
            register.apply("cam1", wrong, KEY, MANIFEST)
    with pytest.raises(ConfigError, match="wrong, or was replaced"):
        register.apply("cam2", secret, KEY, MANIFEST)  # as for a site that exists
    clock.at += 3600
    with pytest.raises(ConfigError, match=r"expired on .+ UTC; ask"):
        register.apply("cam1", secret, KEY, MANIFEST)
    clock.at -= 1
    register.apply("cam1", secret, KEY, MANIFEST)
    with pytest.raises(ConfigError, match=r"was used on .* with another key"):
        register.apply("cam1", secret, OTHER, MANIFEST)
    assert register.site("cam1").key == KEY
    clock.at += 2 * 3600  # what was applied in time may be asked for later
    assert register.apply("cam1", secret, KEY, MANIFEST).state == "pending"


def test_the_wrong_order_is_refused_in_a_sentence(register: Register) -> None:
    with pytest.raises(ConfigError, match="nobody was invited yet"):
        register.site("cam1")
    register.invite("cam1")
    with pytest.raises(ConfigError, match="has not applied yet"):
        register.approve("cam1", issue)
    with pytest.raises(ConfigError, match="unknown site 'cma1'; did you mean 'cam1'"):
        register.approve("cma1", issue)
    with pytest.raises(ConfigError, match="is invited: nothing is renewed"):
        register.renew("cam1", KEY, issue)
    register.apply("cam1", register.invite("cam1"), KEY, MANIFEST)
    with pytest.raises(ConfigError, match="applied already"):
        register.invite("cam1")
    register.approve("cam1", issue)
    with pytest.raises(ConfigError, match="approved until"):
        register.invite("cam1")
    register.revoke("cam1")
    with pytest.raises(ConfigError, match="was revoked on"):
        register.approve("cam1", issue)


def test_a_revoked_site_is_out_at_once_and_its_key_for_good(register: Register) -> None:
    site = approved(register)
    assert admitted(register, site.serial)
    register.noted("cam1", 7)
    other = Register(register.folder)  # as the operator's command is another process than the gateway
    other.revoke("cam1")
    assert not admitted(register, site.serial)
    assert register.site("cam1").node == 0
    found = register.by_certificate(site.serial)
    assert found is not None and found.refused(site.serial, 0) == "'cam1' is revoked"
    with pytest.raises(ConfigError, match="is revoked"):
        register.renew("cam1", KEY, issue)
    for name in ("cam1", "cam2"):
        with pytest.raises(ConfigError, match="this key was revoked"):
            register.apply(name, register.invite(name), KEY, MANIFEST)
    register.apply("cam1", register.invite("cam1"), OTHER, MANIFEST)
    fresh = register.approve("cam1", issue)
    assert admitted(register, fresh.serial) and not admitted(register, site.serial)


def test_two_sites_have_two_keys(register: Register) -> None:
    approved(register)
    with pytest.raises(ConfigError, match="another site's"):
        register.apply("cam2", register.invite("cam2"), KEY, MANIFEST)


def test_a_renewed_certificate_leaves_the_old_one_a_day(register: Register, clock: Clock) -> None:
    first = approved(register).serial
    with pytest.raises(ConfigError, match="keeps the key"):
        register.renew("cam1", OTHER, issue)
    second = register.renew("cam1", KEY, issue).serial
    assert admitted(register, first) and admitted(register, second)
    clock.at += OVERLAP + 1
    assert not admitted(register, first) and admitted(register, second)
    third = register.renew("cam1", KEY, issue).serial
    assert [admitted(register, number) for number in (first, second, third)] == [False, True, True]
    found = register.by_certificate(first)
    assert found is not None and "another certificate by now" in found.refused(first, clock())


def test_an_expired_certificate_is_out_and_its_site_may_be_invited_again(
    register: Register, clock: Clock
) -> None:
    site = approved(register)
    register.noted("cam1", 7)
    clock.at += 91 * DAY
    assert not admitted(register, site.serial)
    assert "expired on" in site.refused(site.serial, clock())
    with pytest.raises(ConfigError, match="expired on"):
        register.renew("cam1", KEY, issue)
    register.apply("cam1", register.invite("cam1"), KEY, MANIFEST)
    assert register.approve("cam1", issue).node == 7  # the same key, hence the same node


def test_another_key_is_another_node(register: Register, clock: Clock) -> None:
    approved(register)
    register.noted("cam1", 7)
    clock.at += 91 * DAY
    register.apply("cam1", register.invite("cam1"), OTHER, MANIFEST)
    assert register.approve("cam1", issue).node == 0


def test_a_damaged_file_is_named_without_its_place(register: Register) -> None:
    register.invite("cam1")
    for content in (b"{", b"{}", b"[]", b'{"name": 1}'):
        (register.folder / "cam1.json").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"cam1\.json") as caught:
            register.sites()
        assert str(register.folder) not in str(caught.value)


def test_of_many_processes_with_one_token_one_wins(register: Register) -> None:
    secret = register.invite("cam1")
    start, answers = CONTEXT.Barrier(3), CONTEXT.Queue()
    each = [
        CONTEXT.Process(target=racer.apply, args=(register.folder, secret, key, start, answers))
        for key in KEYS[:3]
    ]
    for process in each:
        process.start()
    won = [answers.get(timeout=LONG) for _ in each]
    for process in each:
        process.join()
    assert sorted(won)[:2] == ["", ""]
    assert register.site("cam1").key == max(won)


def test_a_process_that_is_killed_changes_all_or_nothing(register: Register) -> None:
    site = approved(register)
    process = CONTEXT.Process(target=racer.killed, args=(register.folder,))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert register.site("cam1") == site and admitted(register, site.serial)
    assert list(register.folder.glob(".*.partial"))
    register.revoke("cam1")  # the lock is free, and what was left is tidied up
    assert not list(register.folder.glob(".*.partial"))


@settings(max_examples=25, stateful_step_count=20)
class Lives(RuleBasedStateMachine):
    """Whatever is done in whatever order, who is admitted was approved, and was not revoked since."""

    @initialize()
    def begin(self) -> None:
        """An empty register."""
        self.room = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.register = Register(Path(self.room.name) / "sites", self.clock)
        self.secrets: dict[str, str] = {}
        self.good: dict[str, str] = {}  # serial to site, where it may be admitted
        self.revoked: set[str] = set()

    names, keys = st.sampled_from(["cam1", "cam2"]), st.sampled_from(KEYS)

    @rule(name=names)
    def invite(self, name: str) -> None:
        """Open a token."""
        try:
            self.secrets[name] = self.register.invite(name)
        except ConfigError:
            assert self.register.site(name).state in ("pending", "approved")
        else:
            self._out(name)

    @rule(name=names, key=keys)
    def apply(self, name: str, key: str) -> None:
        """Use it, perhaps again, perhaps with another key."""
        try:
            site = self.register.apply(name, self.secrets.get(name, ""), key, MANIFEST)
        except ConfigError:
            return
        assert site.key == key and site.fingerprint not in self.revoked

    @rule(name=names)
    def approve(self, name: str) -> None:
        """Approve."""
        with suppress(ConfigError):
            self.good[self.register.approve(name, issue).serial] = name

    @rule(name=names, key=keys)
    def renew(self, name: str, key: str) -> None:
        """Renew."""
        with suppress(ConfigError):
            self.good[self.register.renew(name, key, issue).serial] = name

    @rule(name=names)
    def revoke(self, name: str) -> None:
        """Revoke."""
        try:
            before = self.register.site(name)
        except ConfigError:
            return
        self.register.revoke(name)
        self.secrets.pop(name, None)
        self.revoked |= {before.fingerprint} - {""}
        self._out(name)

    @rule(days=st.sampled_from([0.5, 1.1, 3.0, 91.0]))
    def wait(self, days: float) -> None:
        """Let time pass."""
        self.clock.at += days * DAY

    @invariant()
    def only_the_good_are_admitted(self) -> None:
        """Look through a gateway's eyes."""
        if not hasattr(self, "register"):
            return
        keys = []
        for site in self.register.sites():
            keys += [site.key] if site.state == "approved" else []
            for number in site.serials:
                if admitted(self.register, number):
                    assert self.good[number] == site.name and site.state == "approved"
        assert len(set(keys)) == len(keys)

    def _out(self, name: str) -> None:
        self.good = {number: site for number, site in self.good.items() if site != name}

    def teardown(self) -> None:
        """Remove the folder."""
        if hasattr(self, "room"):
            self.room.cleanup()


TestLives = Lives.TestCase
