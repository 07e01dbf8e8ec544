"""Signing out: the page that asks first, and the page that says it is done."""

from collections.abc import Mapping

from broker.model.service import Service
from broker.web.citizens.frame import Frame
from broker.web.pages import Sheet
from broker.web.shown import Shown

SHEETS = (
    Sheet("sign_out", "citizens/sign_out.html"),
    Sheet("signed_out", "citizens/signed_out.html"),
)


def want_to_leave(frame: Frame, service: Service | None, parameters: Mapping[str, str]) -> Shown:
    """Asks whether to sign out; agreeing posts what the service sent once more (RP-Initiated Logout 1.0, 2)."""
    fields = [(name, value) for name, value in parameters.items() if name != "token"]
    return Shown("sign_out", frame.holes(service, fields=fields))


def signed_out(frame: Frame, service: Service | None) -> Shown:
    """Says that there is no session any more."""
    return Shown("signed_out", frame.holes(service))
