"""Answers whose headers are written as they go out. What nobody else fills in needs no general machinery."""

from starlette.responses import Response

Header = tuple[bytes, bytes]


class RawResponse(Response):
    """An answer with a body and these headers, and the length of the body."""

    def __init__(self, status: int, body: bytes, headers: list[Header]) -> None:
        """`headers` belong to the answer from now on. Their names are in small letters."""
        self.status_code = status
        self.body = body
        self.background = None
        headers.append((b"content-length", b"%d" % len(body)))
        self.raw_headers = headers


def see_other(path: str) -> RawResponse:
    """303 to an address that is written as URLs are, all in ASCII (RFC 9110 15.4.4)."""
    return RawResponse(303, b"", [(b"location", path.encode("ascii"))])


def nothing_begun(status: int) -> RawResponse:
    """The answer to HEAD where GET would begin or finish something: the status of GET, and nothing happens.

    `Location` and `Content-Length` are left out, since only what begins gives them a value (RFC 9110 8.6, 9.3.2).
    """
    answer = RawResponse(status, b"", [])
    answer.raw_headers = [(b"content-type", b"text/html; charset=utf-8")] if status < 300 else []
    return answer


def set_cookie(response: Response, cookie: str) -> None:
    """Sets a cookie: a whole Set-Cookie value (RFC 6265 4.1)."""
    response.raw_headers.append((b"set-cookie", cookie.encode("latin-1")))
