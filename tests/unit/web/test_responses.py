"""Request headers and raw responses, compared with Starlette's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.requests import Request
from starlette.responses import RedirectResponse

from broker.web.shared import request_parsing
from broker.web.shared.responses import RawResponse, see_other, set_cookie

NAMES = (b"cookie", b"origin", b"dpop")
HEADERS = some.lists(some.tuples(some.sampled_from(NAMES), some.binary(max_size=20)), max_size=6)


def request(headers: list[tuple[bytes, bytes]], **more: object) -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, **more})


@given(HEADERS)
def test_headers_are_read_as_starlette_reads_them(headers: list[tuple[bytes, bytes]]) -> None:
    came = request(headers)
    for name in NAMES:
        assert request_parsing.header(came, name) == came.headers.get(name.decode())
        assert request_parsing.header_values(came, name) == came.headers.getlist(name.decode())


@pytest.mark.parametrize(("client", "address"), [(("192.0.2.7", 4711), "192.0.2.7"), (None, "")])
def test_the_address_is_the_one_the_server_knows(client: tuple[str, int] | None, address: str) -> None:
    assert request_parsing.client_ip(request([], client=client)) == address


@pytest.mark.parametrize(
    "path", ["/", "/journey/abc_-0~.", "/journey/abc/help?problem=again", "/continue?problem=code"]
)
def test_a_redirect_is_the_one_that_starlette_would_write(path: str) -> None:
    ours, theirs = see_other(path), RedirectResponse(path, 303)
    assert (ours.status_code, dict(ours.headers)) == (theirs.status_code, dict(theirs.headers))


def test_an_address_that_is_not_written_as_a_url_is_no_redirect() -> None:
    with pytest.raises(UnicodeEncodeError):
        see_other("/journey/é")


def test_a_response_has_every_cookie_and_its_content_length() -> None:
    answer = RawResponse(200, "é".encode(), [(b"content-language", b"en")])
    set_cookie(answer, "a=1; Path=/")
    set_cookie(answer, "b=2; Path=/")
    assert answer.headers.getlist("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]
    assert answer.headers["content-length"] == "2"
