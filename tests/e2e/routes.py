"""Every route of every application of the product, found in the applications themselves."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, Router

from broker.demo.run import demo_applications
from broker.web.shared.fast_router import FastRouter
from tests.e2e.app_harness import Stage

EXAMPLES = {
    "handle": "nobody-has-this-handle-yet",
    "link": "nobody-has-this-link-at-all",
    "provider": "northbank",
    "failure": "cancelled",
    "name": "portico.css",
    "case": "nobody-has-this-case",
    "piece": "new",
    "file": "nobody-has-this-file",
    "source": "no_such_source",
    "member": "nobody-of-staff",
    "change": "nobody-has-this-change",
    "export": "nobody-has-this-export",
    "feedback": "nobody-gave-this-feedback",
    "client": "nobody",
    "stream": "nobody-has-this-stream",
    "sample": "nobody-has-this-sample",
    "task": "nobody-has-this-task",
    "what": "decided",
    "step": "leave",
    "place": "nobody-has-this-place",
    "number": "1",
    "room": "nobody-has-this-room",
    "rest:path": "token",
}
"""What stands for each parameter of a path."""


@dataclass(frozen=True, slots=True)
class KnownRoute:
    """One route: its path, an example of its path, and its methods."""

    stand: str
    origin: str
    path: str
    methods: frozenset[str]


def every_route(stage: Stage) -> Sequence[KnownRoute]:
    """Those of the broker, the console, the sample service and the simulated providers, as they are served."""
    return [
        KnownRoute(stand.name, f"http://localhost:{stand.port}", path, methods)
        for stand in demo_applications(stage.parts, stage.ports)
        for path, methods in _listed(_routes(stand.application))
    ]


def routes_with(application: object, parameter: str) -> Sequence[Route]:
    """The routes of an application whose path has this parameter."""
    return [route for route in _routes(application) if isinstance(route, Route) and f"{{{parameter}}}" in route.path]


def filled(path: str, **given: str) -> str:
    """The path of a route with its parameters filled in: those given, and examples."""
    return re.sub(r"\{([^}]+)\}", lambda found: given.get(found[1], EXAMPLES[found[1]]), path)


def _routes(application: object) -> Sequence[BaseRoute]:
    """The routes of an application, inside its middleware."""
    while not isinstance(application, Starlette | Router):
        inside = application._others if isinstance(application, FastRouter) else getattr(application, "_app", None)
        assert inside is not None, f"no routes in {application!r}"
        application = inside
    return application.routes


def _listed(routes: Sequence[BaseRoute], before: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    for route in routes:
        if isinstance(route, Route):
            yield filled(before + route.path), frozenset(route.methods or ())
        elif isinstance(route, Mount) and route.routes:
            yield from _listed(route.routes, before + route.path)
        elif isinstance(route, Mount):  # the simulator chooses between two applications for each request
            for path in ("/.well-known/openid-configuration", "/jwks", "/authorize", "/sign-in", "/token", "/userinfo"):
                yield before + route.path + path, frozenset({"GET", "POST"})
