"""Sign-ins that begin with us and not at the service (OpenID Connect Core 4)."""

from broker.model.service import Service
from broker.oidc.authorization_response import with_query


def initiate_login(service: Service, issuer: str, target: str | None = None) -> str | None:
    """Where the service starts a sign-in with us: its `initiate_login_uri` with `iss`, and `target_link_uri` if given.

    None for a service that does not offer that. We know nobody by a name of the service's, so there is no `login_hint`.
    """
    if service.initiate_login_uri is None:
        return None
    told = {"iss": issuer, **({} if target is None else {"target_link_uri": target})}
    return with_query(service.initiate_login_uri, told)
