"""What a request says in its headers, read without building anything around them. Values are Latin-1 (RFC 9110 5.5).

Names are given in bytes and small letters, as every server hands them over (ASGI, HTTP connection scope).
"""

from starlette.requests import Request

from broker.model.address import UNKNOWN, counted


def header(request: Request, name: bytes) -> str | None:
    """The first header of this name, or None."""
    for known, value in request.scope["headers"]:
        if known == name:
            text: str = value.decode("latin-1")
            return text
    return None


def every(request: Request, name: bytes) -> list[str]:
    """All headers of this name, in their order."""
    return [value.decode("latin-1") for known, value in request.scope["headers"] if known == name]


def kind(request: Request) -> str | None:
    """The content type. Of two headers it is both, joined (RFC 9110 5.3), which is none that anybody reads."""
    return ", ".join(every(request, b"content-type")) or None


def request_id(request: Request) -> str:
    """The id that the outermost layer gave the request; empty if there is no such layer."""
    found: str = request.scope.get("state", {}).get("request_id", "")
    return found


def address(request: Request) -> str:
    """The client's address as rate limits count it (`model.address.counted`)."""
    client = request.scope.get("client")
    return counted(str(client[0])) if client else UNKNOWN
