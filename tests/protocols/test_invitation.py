"""Tokens: what was put in comes out, and what was altered does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.protocols.invitation import Invitation, checked_name, hashed, new_secret, parse

INVITATIONS = st.builds(
    Invitation,
    host=st.from_regex(r"[a-z0-9.:-]{1,60}", fullmatch=True),
    enrolment_port=st.integers(1, 65535),
    gateway_port=st.integers(1, 65535),
    ca_sha256=st.from_regex("[0-9a-f]{64}", fullmatch=True),
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", fullmatch=True),
    secret=st.builds(new_secret),
)
ONE = Invitation("hub.example.org", 9444, 9443, "0" * 64, "cam1", "secret")


@given(INVITATIONS, st.sampled_from(["{}", " {}\n", "\t{}\r\n"]))
def test_a_token_says_what_was_put_in(invitation: Invitation, copied: str) -> None:
    token = invitation.token()
    assert "\n" not in token and " " not in token
    assert parse(copied.format(token)) == invitation
    half = len(token) // 2
    assert parse(token[:half] + "\n  " + token[half:]) == invitation


@given(INVITATIONS, st.data())
def test_a_token_that_was_altered_or_cut_is_refused(invitation: Invitation, data: st.DataObject) -> None:
    token = invitation.token()
    at = data.draw(st.integers(7, len(token) - 2))
    # the last letter is left out: some of its bits stand for nothing
    other = data.draw(st.sampled_from("ABCDwxyz0189-_!/").filter(lambda letter: letter != token[at]))
    for bad in (token[:at] + other + token[at + 1 :], token[:at]):
        with pytest.raises(ConfigError, match="damaged or cut"):
            parse(bad)


@given(st.text() | st.text(alphabet="AZaz09_-").map(lambda text: f"isofed-{text}"))
def test_any_other_text_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


def test_the_secret_is_in_no_text_but_the_token() -> None:
    assert "secret" not in repr(ONE).replace("secret=", "")
    assert len(new_secret()) == 32 and new_secret() != new_secret()
    assert hashed("secret") == "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"


@pytest.mark.parametrize("name", ["", "a" * 41, "../a", "a b", "-a", ".a", "a\n", "Größe", "a/b", "a\x00"])
def test_what_cannot_name_a_file_and_a_certificate_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a site"):
        checked_name(name)


def test_a_token_for_a_name_or_port_that_cannot_be_is_refused() -> None:
    good = ("hub", 9444, 9443, "0" * 64, "cam1")
    for at, bad in ((1, 0), (2, 65536), (3, "0" * 63), (4, "cam/1")):
        with pytest.raises(ConfigError):
            Invitation(*(bad if n == at else value for n, value in enumerate(good)))  # type: ignore[arg-type]
