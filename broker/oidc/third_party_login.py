"""Third-party initiated login (OpenID Connect Core 4): sign-ins at services that start at the broker, and sign-ins at
the broker that start at a provider."""

from collections.abc import Iterable

from broker.model.service import Service
from broker.oidc.authorization_response import with_query


def initiate_login(service: Service, issuer: str, target: str | None = None) -> str | None:
    """URL of the service that starts a sign-in: its `initiate_login_uri` with `iss`, and `target_link_uri` if given.

    None for a service without one. There is no `login_hint`, since the broker knows no user names of the service.
    """
    if service.resumption.initiate_login_uri is None:
        return None
    parameters = {"iss": issuer, **({} if target is None else {"target_link_uri": target})}
    return with_query(service.resumption.initiate_login_uri, parameters)


def target_service(target: str, services: Iterable[Service]) -> Service | None:
    """The service that a provider's `target_link_uri` names, exactly as registered: its `initiate_login_uri`, its
    `resume_uri` or its home page. Only a service with an `initiate_login_uri` lets others start sign-ins."""
    for service in services:
        known = service.resumption
        if known.initiate_login_uri is None:
            continue
        if target in (known.initiate_login_uri, known.resume_uri, service.presentation.home):
            return service
    return None
