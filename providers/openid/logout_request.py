"""Logout at a provider: the address that the citizen visits, or the revocation of the access token (RFC 7009)."""

from collections.abc import Mapping

from broker.platform.http_client import HttpResponse
from broker.provider import LogoutRedirect
from providers.openid.authorization_request import encoded, language_tag
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import LogoutKind
from providers.openid.direct_calls import DirectCalls
from providers.openid.metadata import Metadata


def logout_address(config: OpenIdConfig, metadata: Metadata, parting: LogoutRedirect) -> str | None:
    """Where the citizen signs out at the provider (RP-Initiated Logout 1.0 2); None if there is no such address.

    `END_SESSION` names the session by `id_token_hint`, or by `logout_hint` if no ID token was stored; `CLIENT_ID` names
    nothing but the broker, and `FRONT_END` only if the citizen shall return.
    """
    endpoint = config.logout.url or metadata.end_session_endpoint
    back = {"post_logout_redirect_uri": parting.callback}
    if endpoint is None:
        return None
    query: Mapping[str, str]
    match config.logout.kind:
        case LogoutKind.REVOKE:
            return None
        case LogoutKind.FRONT_END:
            query = back
        case LogoutKind.CLIENT_ID:
            query = {"client_id": config.client_id, **back, "state": parting.state}
        case LogoutKind.END_SESSION:
            hint = {"id_token_hint": parting.id_token} if parting.id_token else {"logout_hint": parting.subject}
            language = {config.language_parameter: language_tag(config, parting.language)}
            query = {"client_id": config.client_id, **back, "state": parting.state, **language, **hint}
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{encoded(query)}"


async def revoke(calls: DirectCalls, metadata: Metadata, access_token: str) -> bool:
    """Revokes an access token, which ends the session at the provider. Returns whether the provider agreed."""
    endpoint = metadata.revocation_endpoint
    if endpoint is None:
        return False
    answer = await calls.post(metadata, endpoint, {"token": access_token, "token_type_hint": "access_token"}, {})
    return isinstance(answer, HttpResponse) and answer.status == 200
