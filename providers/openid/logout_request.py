"""Logout at a provider: the address that the citizen visits, or the revocation of the access token (RFC 7009)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from broker.model.identity import Identity
from broker.platform.http_client import HttpResponse
from broker.provider import LogoutRedirect
from providers.openid.authorization_request import encoded, language_tag
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import LogoutKind
from providers.openid.direct_calls import DirectCalls
from providers.openid.metadata import Metadata

LONGEST_HINT: Final = 4096
"""Maximum length of an ID token that is stored as `id_token_hint`: a longer one does not fit into a URL."""


def with_logout_tokens(
    config: OpenIdConfig, identity: Identity, metadata: Metadata, id_token: str | None, access_token: str
) -> Identity:
    """The identity with the token that will end the session at the provider, if one is needed."""
    if not config.end_session:
        return identity
    match config.logout.kind:
        case LogoutKind.REVOKE:
            return replace(identity, access_token=access_token)
        case LogoutKind.END_SESSION if metadata.end_session_endpoint is not None or config.logout.url is not None:
            fits = id_token is not None and len(id_token) <= LONGEST_HINT
            return replace(identity, id_token=id_token) if fits else identity
        case _:
            return identity


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
