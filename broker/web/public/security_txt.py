"""`/.well-known/security.txt` (RFC 9116): where to report a vulnerability of this broker."""

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.open_data.series import moment
from broker.web.citizens.journey import page
from broker.web.citizens.request import CitizenApp, CitizenRequest

PATH: Final = "/.well-known/security.txt"
VALID: Final = 30 * 86_400
"""Seconds for which the file is valid from the moment at which it is read."""


def security_routes(app: CitizenApp) -> list[Route]:
    """The route of the file: none if the operator configured neither an address nor a page for support."""
    site = app.pages.site
    contacts = [f"mailto:{site.mailto}"] if site.support.email else []
    contacts += [site.support.url] if site.support.url else []

    async def send(req: CitizenRequest) -> Response:
        lines = [f"Contact: {contact}" for contact in contacts]
        lines.append(f"Expires: {moment(req.frame().now + VALID)}")
        lines.append(f"Preferred-Languages: {', '.join(site.languages)}")
        lines.append(f"Canonical: {site.issuer}{PATH}")
        return Response("\n".join(lines) + "\n", media_type="text/plain", headers={"cache-control": "max-age=86400"})

    return [Route(PATH, page(app, send), methods=["GET"])] if contacts else []
