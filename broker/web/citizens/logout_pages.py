"""Logout pages: the confirmation, the result, and the frames of front-channel logout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from broker.actions.logout import LogoutSteps
from broker.model.service import Service
from broker.oidc.session_management import origin_of
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
"""Seconds before the page redirects, independent of the services in frames."""

BEGIN: Final = 1
"""Seconds before the services are loaded: the outer page is complete by then."""

_INNER: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors"


def confirm_logout(frame: PageContext, service: Service | None, parameters: Mapping[str, str]) -> PageResponse:
    """Asks whether to sign out; the form repeats the service's parameters (RP-Initiated Logout 1.0, 2)."""
    fields = [(name, value) for name, value in parameters.items() if name != "token"]
    return PageResponse("sign_out", frame.template_variables(service, fields=fields, signed_in=False))


def signed_out(frame: PageContext, steps: LogoutSteps, path: str | None = None) -> PageResponse:
    """The page after signing out: offers logout at the provider, and returns to the service.

    It redirects after `SECONDS`, unless the citizen has something to choose: to the provider if that demands to be
    visited, else back. The citizen can leave the page before, also if the provider does not work. `path` is the path of
    the page; the frames of services are loaded below it.

    A browser starts the timer of `Refresh` when everything in the page is loaded, including frames. So the only frame
    is a page of the broker that loads at once and then redirects to the services (`before_services`).
    """
    frames = bool(steps.frames) and path is not None
    headers: list[tuple[str, str]] = []
    if frames:
        headers.append(("Content-Security-Policy", f"{POLICY}; frame-src 'self'"))
    if steps.url is not None and steps.must_call:
        headers.append(("Refresh", f"{SECONDS};url={header_safe_url(steps.url)}"))
    elif steps.back is not None and steps.url is None:
        seconds = SECONDS if frames or steps.provider is not None else 0
        headers.append(("Refresh", f"{seconds};url={header_safe_url(steps.back)}"))
    variables = frame.template_variables(
        steps.service,
        services=f"{path}/services" if frames else None,
        back=steps.back,
        provider=None if steps.provider is None else steps.provider.name(frame.language.code),
        url=steps.url,
        returned=steps.returned,
        must_call=steps.must_call,
        may_not_return=steps.may_not_return,
        changed=steps.changed,
        signed_in=False,
    )
    return PageResponse("signed_out", variables, headers=tuple(headers))


def before_services(path: str) -> tuple[str, Mapping[str, str]]:
    """The first page in the frame, which redirects to the services. Returns HTML and headers."""
    headers = {"Content-Security-Policy": f"{_INNER} 'self'", "Refresh": f"{BEGIN};url={path}/frames"}
    return "<!DOCTYPE html><title>Services</title>", headers


@dataclass(frozen=True, slots=True)
class LogoutFrame:
    """A service's front-channel logout URI in a frame. `title` is its host."""

    url: str
    title: str


def services_out(frame: PageContext, urls: Sequence[str]) -> PageResponse:
    """The page of frames in which services end their sessions (Front-Channel Logout 1.0, 3).

    Its Content-Security-Policy allows these services as frames, and only the broker's own page as its parent.
    """
    return _framed(frame, urls, "'self'", ())


def provider_frame(frame: PageContext, urls: Sequence[str], pages: Sequence[str]) -> PageResponse:
    """The same page in the frame of a provider: only the origins of `pages` can be its parent."""
    return _framed(frame, urls, _origins(pages) or "'none'", (("Cross-Origin-Resource-Policy", "cross-origin"),))


def _framed(
    frame: PageContext, urls: Sequence[str], parents: str, headers: tuple[tuple[str, str], ...]
) -> PageResponse:
    frames = [LogoutFrame(url, urlsplit(url).hostname or "") for url in urls]
    named = _origins(urls)
    policy = f"{_INNER} {parents}; frame-src {named}" if named else f"{_INNER} {parents}"
    return PageResponse(
        "services_out",
        frame.template_variables(None, frames=frames),
        headers=(("Content-Security-Policy", policy), *headers),
    )


def _origins(urls: Sequence[str]) -> str:
    return " ".join(sorted({origin for url in urls if (origin := origin_of(url)) is not None}))
