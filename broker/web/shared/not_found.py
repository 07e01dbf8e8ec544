"""Paths with redundant slashes: redirects pages, names the right address in errors.

Addresses begin with the configured origin, never with the `Host` header.
"""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from broker.web.shared.responses import see_other

NEAR: Final = "near"
"""The member of `request.state` that holds the probable address, for the 404 page to show."""

_QUERY: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class NotFoundHandler:
    """Answers a path with redundant slashes.

    `origin` is the configured one, without a trailing slash. `pages` are the path templates of pages whose address a
    person may have typed, `calls` those of endpoints that programs call.
    """

    origin: str
    pages: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()

    def answer(self, scope: MutableMapping[str, Any], path: str, templates: Mapping[str, str]) -> Response | None:
        """A redirect to a page, a 404 in JSON for an endpoint, or None for the 404 page.

        `templates` are the path templates found without the redundant slashes, by method. Only GET and HEAD are
        redirected, with 303, which never repeats a form (FAPI 2.0 Security Profile 5.3.2.2).
        """
        address = f"{self.origin}{quote(path)}"
        if scope["method"] in ("GET", "HEAD") and templates.get("GET") in self.pages:
            query = scope["query_string"]
            suffix = f"?{query.decode('ascii')}" if query and _QUERY.fullmatch(query) else ""
            return see_other(address + suffix)
        if self.calls.isdisjoint(templates.values()):
            scope.setdefault("state", {})[NEAR] = address
            return None
        said = f"there is nothing at this path: it has a slash too many. The address is {address}"
        return JSONResponse({"error": "invalid_request", "error_description": said}, 404, {"Cache-Control": "no-store"})


def without_slashes(path: str) -> str:
    """The path without its empty segments."""
    return "/" + "/".join(part for part in path.split("/") if part)


def typeable_paths(routes: Iterable[BaseRoute]) -> frozenset[str]:
    """The path templates of pages whose address a person may have typed: all GET routes but provider callbacks."""
    return frozenset(
        route.path
        for route in routes
        if isinstance(route, Route) and "GET" in (route.methods or ()) and not route.path.startswith("/callback")
    )


def paths(routes: Iterable[BaseRoute]) -> frozenset[str]:
    """The path templates of routes."""
    return frozenset(route.path for route in routes if isinstance(route, Route))
