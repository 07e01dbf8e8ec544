"""check_session_iframe: the page that services frame to learn if the session changed (Session Management 1.0, 3.3)."""

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from broker.web.shared.static_files import Statics

POLICY: Final = "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"
"""Content-Security-Policy of the page: any site may frame it, and it only runs its own script."""

_HEADERS: Final = {"Content-Security-Policy": POLICY, "Cross-Origin-Resource-Policy": "cross-origin"}


def session_route(files: Statics) -> Route:
    """`/session` (`check_session_iframe`). The page is static; its script reads one cookie."""
    script = f'<script src="{files.session}"></script>'
    page = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Session</title>{script}</head></html>'

    async def session(_request: Request) -> Response:
        return HTMLResponse(page, headers=_HEADERS)

    return Route("/session", session, methods=["GET"])
