"""Signing out: the page that asks first, and the page that says it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from broker.actions.sign_out import SignedOut
from broker.model.service import Service
from broker.oidc.session_state import origin_of
from broker.web.citizens.frame import Frame
from broker.web.middleware.headers import POLICY
from broker.web.pages import Sheet
from broker.web.shown import Shown, in_header

SHEETS = (
    Sheet("sign_out", "citizens/sign_out.html"),
    Sheet("signed_out", "citizens/signed_out.html"),
)

SECONDS: Final = 4
"""For how long the services in frames are given time before the page goes on."""


def want_to_leave(frame: Frame, service: Service | None, parameters: Mapping[str, str]) -> Shown:
    """Asks whether to sign out; agreeing posts what the service sent once more (RP-Initiated Logout 1.0, 2)."""
    fields = [(name, value) for name, value in parameters.items() if name != "token"]
    return Shown("sign_out", frame.holes(service, fields=fields, signed_in=False))


@dataclass(frozen=True, slots=True)
class FrameShown:
    """A page of a service, loaded in a frame. `title` names its host."""

    url: str
    title: str


def signed_out(frame: Frame, outcome: SignedOut) -> Shown:
    """Says that there is no session any more, has services sign out theirs, and goes on to where one came from.

    Its policy lets it frame these services and nobody else (Front-Channel Logout 1.0, 3).
    """
    frames = [FrameShown(url, urlsplit(url).hostname or "") for url in outcome.frames]
    headers: list[tuple[str, str]] = []
    if frames:
        origins = sorted({origin for one in frames if (origin := origin_of(one.url)) is not None})
        headers.append(("Content-Security-Policy", f"{POLICY}; frame-src {' '.join(origins)}"))
    if outcome.back is not None:
        headers.append(("Refresh", f"{SECONDS if frames else 0};url={in_header(outcome.back)}"))
    holes = frame.holes(outcome.service, frames=frames, back=outcome.back, signed_in=False)
    return Shown("signed_out", holes, headers=tuple(headers))
