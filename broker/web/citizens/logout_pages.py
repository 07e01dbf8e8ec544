"""Signing out: the page that asks first, the page that says it is done, and the services in frames beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from broker.actions.logout import LogoutSteps
from broker.model.service import Service
from broker.oidc.session_state import origin_of
from broker.web.citizens.page_context import PageContext
from broker.web.middleware.security_headers import POLICY
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse, header_safe_url

SHEETS = (
    PageTemplate("sign_out", "citizens/sign_out.html"),
    PageTemplate("signed_out", "citizens/signed_out.html"),
    PageTemplate("services_out", "citizens/services_out.html"),
)

SECONDS: Final = 3
"""For how long the page stays before it goes on by itself, whatever the services in frames do."""

BEGIN: Final = 1
"""Seconds after which the services are loaded: by then the page itself is complete."""

_INNER: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"


def want_to_leave(frame: PageContext, service: Service | None, parameters: Mapping[str, str]) -> PageResponse:
    """Asks whether to sign out; agreeing posts what the service sent once more (RP-Initiated Logout 1.0, 2)."""
    fields = [(name, value) for name, value in parameters.items() if name != "token"]
    return PageResponse("sign_out", frame.holes(service, fields=fields, signed_in=False))


def signed_out(frame: PageContext, leaving: LogoutSteps, path: str | None = None) -> PageResponse:
    """Says that there is no session any more, offers to end the provider's, and goes back to where one came from.

    While the citizen has something to choose it waits for them. Otherwise it goes on by itself after `SECONDS`. `path`
    is the page's own; the services in frames are loaded below it.

    A browser starts the clock of `Refresh` when everything in the page is loaded, frames too. So the one frame of this
    page is a page of ours that is complete at once, and goes on to the services by itself only then.
    """
    frames = bool(leaving.frames) and path is not None
    headers: list[tuple[str, str]] = []
    if frames:
        headers.append(("Content-Security-Policy", f"{POLICY}; frame-src 'self'"))
    if leaving.back is not None and leaving.url is None:
        seconds = SECONDS if frames or leaving.provider is not None else 0
        headers.append(("Refresh", f"{seconds};url={header_safe_url(leaving.back)}"))
    holes = frame.holes(
        leaving.service,
        services=f"{path}/services" if frames else None,
        back=leaving.back,
        provider=None if leaving.provider is None else leaving.provider.name(frame.language.code),
        url=leaving.url,
        returned=leaving.returned,
        signed_in=False,
    )
    return PageResponse("signed_out", holes, headers=tuple(headers))


def before_services(path: str) -> tuple[str, Mapping[str, str]]:
    """The page that stands in the frame until the page around it is complete: its HTML and its headers."""
    headers = {"Content-Security-Policy": _INNER, "Refresh": f"{BEGIN};url={path}/frames"}
    return "<!DOCTYPE html><title>Services</title>", headers


@dataclass(frozen=True, slots=True)
class LogoutFrame:
    """A page of a service, loaded in a frame. `title` names its host."""

    url: str
    title: str


def services_out(frame: PageContext, leaving: LogoutSteps) -> PageResponse:
    """The page of frames in which services sign out their own sessions (Front-Channel Logout 1.0, 3).

    Its policy lets it frame these services and no other site, and be framed by our own page alone.
    """
    frames = [LogoutFrame(url, urlsplit(url).hostname or "") for url in leaving.frames]
    origins = sorted({origin for one in frames if (origin := origin_of(one.url)) is not None})
    named = " ".join(origins)
    policy = f"{_INNER}; frame-src {named}" if named else _INNER
    return PageResponse(
        "services_out", frame.holes(None, frames=frames), headers=(("Content-Security-Policy", policy),)
    )
