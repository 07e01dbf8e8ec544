"""What a request says in its headers, read without building anything around them. Values are Latin-1 (RFC 9110 5.5).

Names are given in bytes and small letters, as every server hands them over (ASGI, HTTP connection scope).
"""

from starlette.requests import Request

from broker.model.address import UNKNOWN, rate_limit_key


def header(request: Request, name: bytes) -> str | None:
    """The first header of this name, or None."""
    for known, value in request.scope["headers"]:
        if known == name:
            text: str = value.decode("latin-1")
            return text
    return None


def path(request: Request) -> str:
    """The path as it was asked for. `request.url` is made of `Host`, which anybody may write anything into."""
    return str(request.scope["path"])


def header_values(request: Request, name: bytes) -> list[str]:
    """All headers of this name, in their order."""
    return [value.decode("latin-1") for known, value in request.scope["headers"] if known == name]


def joined_header(request: Request, name: bytes, between: str = ", ") -> str | None:
    """All headers of this name as one, or None: a list in several lines is one list (RFC 9110 5.3, RFC 9113 8.2.3)."""
    return between.join(header_values(request, name)) or None


def content_type(request: Request) -> str | None:
    """The content type. Of two headers it is both, joined (RFC 9110 5.3), which is none that anybody reads."""
    return joined_header(request, b"content-type")


def request_id(request: Request) -> str:
    """The id that the outermost layer gave the request; empty if there is no such layer."""
    found: str = request.scope.get("state", {}).get("request_id", "")
    return found


def client_ip(request: Request) -> str:
    """The client's address as rate limits count it (`model.address.counted`)."""
    client = request.scope.get("client")
    return rate_limit_key(str(client[0])) if client else UNKNOWN
