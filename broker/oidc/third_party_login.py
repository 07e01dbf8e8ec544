"""Third-party initiated login: sign-ins that start at the broker (OpenID Connect Core 4)."""

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
