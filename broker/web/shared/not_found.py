"""Paths with a slash too many. Nothing is ever made of `Host`: an address begins with the configured origin."""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from broker.web.shared.responses import see_other

NEAR: Final = "near"
"""The member of `request.state` in which the address that was probably meant is left for the page that says 404."""

_QUERY: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class NotFoundHandler:
    """What is answered at a path with a slash too many.

    `origin` is the configured one, without a slash at its end. `pages` are the templates of pages whose address a
    person may have typed, `calls` those of endpoints that programs call.
    """

    origin: str
    pages: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()

    def answer(self, scope: MutableMapping[str, Any], path: str, templates: Mapping[str, str]) -> Response | None:
        """The answer, or None for the page that says 404. `templates` are those found at the right path, by method.

        A page is led to: by GET alone, and with 303, which never repeats a form (FAPI 2.0 Security Profile 5.3.2.2).
        """
        address = f"{self.origin}{quote(path)}"
        if scope["method"] in ("GET", "HEAD") and templates.get("GET") in self.pages:
            query = scope["query_string"]
            told = f"?{query.decode('ascii')}" if query and _QUERY.fullmatch(query) else ""
            return see_other(address + told)
        if self.calls.isdisjoint(templates.values()):
            scope.setdefault("state", {})[NEAR] = address
            return None
        said = f"there is nothing at this path: it has a slash too many. The address is {address}"
        return JSONResponse({"error": "invalid_request", "error_description": said}, 404, {"Cache-Control": "no-store"})


def without_slashes(path: str) -> str:
    """A path without empty segments: what was meant by one with a slash too many."""
    return "/" + "/".join(part for part in path.split("/") if part)


def typed(routes: Iterable[BaseRoute]) -> frozenset[str]:
    """The templates of pages whose address a person may have typed. Where answers come back to is none."""
    return frozenset(
        route.path
        for route in routes
        if isinstance(route, Route) and "GET" in (route.methods or ()) and not route.path.startswith("/callback")
    )


def paths(routes: Iterable[BaseRoute]) -> frozenset[str]:
    """The templates of routes."""
    return frozenset(route.path for route in routes if isinstance(route, Route))
