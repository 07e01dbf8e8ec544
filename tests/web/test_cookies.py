"""Cookies as they are read and set."""

from hypothesis import given
from hypothesis import strategies as st

from broker.web import cookies

NAMES = st.text("abcdefghijklmnopqrstuvwxyzABC_-0123456789", min_size=1, max_size=20)
VALUES = st.text('abcdefghijklmnopqrstuvwxyzABC_-0123456789.="', max_size=40)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_what_a_browser_sends_is_read(sent: dict[str, str]) -> None:
    header = "; ".join(f"{name}={value}" for name, value in sent.items())
    assert cookies.read(header) == sent


@given(st.text(max_size=200))
def test_no_header_is_too_strange_to_read(header: str) -> None:
    for name, value in cookies.read(header).items():
        assert name == name.strip()
        assert ";" not in name + value


def test_the_first_of_two_cookies_with_one_name_counts() -> None:
    assert cookies.read("a=longer-path; a=shorter-path") == {"a": "longer-path"}


def test_nothing_and_far_too_much_are_empty() -> None:
    assert cookies.read(None) == cookies.read("") == cookies.read("a=" + "b" * 5000) == {}


SECRETS = st.lists(st.text("abcXYZ_-123", min_size=1, max_size=32), max_size=7)


@given(SECRETS, st.text("abcXYZ_-123", min_size=1, max_size=32))
def test_a_new_secret_stands_first_and_the_oldest_falls_off(held: list[str], newest: str) -> None:
    kept = cookies.secrets(".".join(held))
    assert kept == tuple(held[:4])
    header = cookies.browser(kept, newest)
    name, _, value = header.partition(";")[0].partition("=")
    after = cookies.secrets(value)
    assert name == "__Host-portico-browser"
    assert after[0] == newest
    assert len(after) <= 4
    assert list(after[1:]) == [secret for secret in kept if secret != newest][: len(after) - 1]


def test_every_cookie_is_guarded() -> None:
    for header in (
        cookies.browser((), "s"),
        cookies.session("s"),
        cookies.no_session(),
        cookies.language("cy"),
        cookies.left("handle", "mark"),
        cookies.code("handle", "code"),
    ):
        parts = header.split("; ")
        assert {"Secure", "HttpOnly"} <= set(parts)
        assert "SameSite=Lax" in parts or "SameSite=Strict" in parts
        assert not any(part.startswith("Domain") for part in parts)
        if header.startswith("__Host-"):
            assert "Path=/" in parts
        else:
            assert "Path=/journey/handle" in parts
