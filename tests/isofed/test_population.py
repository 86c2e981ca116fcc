import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.population import Numbered


@given(st.integers(1, 1200), st.sampled_from(["client", "u", "", "cam-1"]))
def test_names_sort_as_their_places_and_are_found_again(count: int, prefix: str) -> None:
    sites = Numbered(count, prefix)
    names = list(sites)
    assert names == sorted(set(names)) and len(names) == len(sites) == count
    assert [sites.index(name) for name in names] == list(range(count))
    assert sites[-1] == names[-1] and sites[1:3] == tuple(names[1:3])


@pytest.mark.parametrize("name", ["client10", "client007", "client1²", "clientx7", "07", "", 7, None])
def test_what_is_no_name_is_not_found(name: object) -> None:
    sites = Numbered(10)
    assert name not in sites
    with pytest.raises(ValueError, match="is none of client0 to client9"):
        sites.index(name)


def test_places_beyond_the_last_are_refused() -> None:
    sites = Numbered(1_000_000)
    assert (sites[0], sites[999_999]) == ("client000000", "client999999")
    with pytest.raises(IndexError):
        sites[1_000_000]
    with pytest.raises(ValueError):
        sites.index("client000007", 8)
    with pytest.raises(ConfigError, match="'count' is 0, but must lie between 1 and"):
        Numbered(0)
