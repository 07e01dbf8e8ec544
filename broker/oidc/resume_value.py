"""Resume value: an opaque value of a service that comes back if a sign-in ends in another browser (`portico_resume`).

A citizen whom staff verify may finish days later, on another device, where the service's session and `state` are gone.
The service names the task in its authorization request, in words of its own; the broker stores it encrypted and adds it
to `resume_uri`, so that the citizen arrives at the task that they began.
"""

import re
from typing import Final

from broker.model.service import Service
from broker.oidc.authorization_response import with_query
from broker.oidc.errors import ProtocolError
from broker.oidc.third_party_login import initiate_login

PARAMETER: Final = "portico_resume"
_VALUE: Final = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)


def read_resume_value(given: str | None, service: Service) -> str | None:
    """Returns the value of a request: up to 512 visible ASCII characters. Raises ProtocolError, also for a service
    without the `resume_uri` to which the value would return."""
    if given is None:
        return None
    if service.resumption.resume_uri is None:
        raise ProtocolError("invalid_request", f"the parameter {PARAMETER} needs a registered resume_uri")
    if not _VALUE.fullmatch(given):
        raise ProtocolError("invalid_request", f"the parameter {PARAMETER} is not 1 to 512 visible ASCII characters")
    return given


def resume_url(service: Service, issuer: str, value: str | None) -> str:
    """Returns the URL at which a citizen continues if no code may be sent.

    The service starts a new sign-in there, if it can (OpenID Connect Core 4), and `target_link_uri` has the value; or
    the value and `iss` come to `resume_uri` itself.
    """
    page = service.resumption.resume_uri
    if page is not None and value is not None:
        page = with_query(page, {PARAMETER: value})
    started = initiate_login(service, issuer, page)
    if started is not None:
        return started
    if page is None:
        return service.presentation.home
    return page if value is None else with_query(page, {"iss": issuer})
