"""Logout initiated by a service (OpenID Connect RP-Initiated Logout 1.0)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.crypto.jose import SIGNATURE_ALGORITHMS, InvalidToken, KeySet, verify
from broker.model.service import Service
from broker.oidc.authorization_checks import is_id_token
from broker.oidc.authorization_response import with_query
from broker.oidc.errors import DisplayedError, ProtocolError
from broker.oidc.session_management import is_session_id

_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """Logout request: the service, its session (`sid` and `sub` of its ID token), and the redirect afterwards.

    A `logout_hint` is ignored: only the session of this browser can be meant.
    """

    client_id: str | None
    subject: str | None
    session: str | None
    redirect_uri: str | None
    state: str | None
    ui_locales: tuple[str, ...] = ()


def logout_request(parameters: Mapping[str, str], issuer: str, keys: KeySet) -> LogoutRequest:
    """Parses a logout request with an `id_token_hint` of the broker (OpenID Connect RP-Initiated Logout 2, 4).

    The ID token may be of any age.

    Raises DisplayedError with the `client_id` of the request.
    """
    try:
        return _read(parameters, issuer, keys)
    except ProtocolError as refusal:
        client_id = parameters.get("client_id")
        raise DisplayedError(refusal.code, refusal.description, refusal.detail, client_id=client_id) from None


def _read(parameters: Mapping[str, str], issuer: str, keys: KeySet) -> LogoutRequest:
    client_id, hint = parameters.get("client_id"), parameters.get("id_token_hint")
    state = parameters.get("state")
    if state is not None and len(state) > _LONGEST:
        raise ProtocolError("invalid_request", "the parameter state is too long")
    subject = session = None
    if hint is not None:
        try:
            known = verify(hint, keys, SIGNATURE_ALGORITHMS).claims
        except InvalidToken as problem:
            raise ProtocolError(
                "invalid_request", "the id_token_hint is not an ID token of ours", problem.detail
            ) from None
        audience = known.get("aud")
        if known.get("iss") != issuer or not isinstance(audience, str) or not is_id_token(known):
            raise ProtocolError("invalid_request", "the id_token_hint is not an ID token of ours")
        if client_id not in (None, audience):
            raise ProtocolError("invalid_request", "the id_token_hint was issued to another service")
        client_id = audience
        subject, session = (value if isinstance(value, str) else None for value in (known["sub"], known.get("sid")))
    redirect_uri = parameters.get("post_logout_redirect_uri")
    if redirect_uri is not None and client_id is None:
        raise ProtocolError("invalid_request", "post_logout_redirect_uri needs an id_token_hint or a client_id")
    locales = tuple(parameters.get("ui_locales", "").split()[:16])
    return LogoutRequest(client_id, subject, session, redirect_uri, state, locales)


def must_ask(request: LogoutRequest, session: str) -> bool:
    """Whether the citizen must confirm: unless the service's ID token names this session (section 2).

    `session` is the id of the browser's session; the ID token contains the service's `sid`.
    """
    if request.session is None or request.client_id is None:
        return True
    return not is_session_id(request.session, session, request.client_id)


def logout_return(request: LogoutRequest, service: Service | None) -> str | None:
    """Redirect URI after logout, if registered, with the state (OpenID Connect RP-Initiated Logout 3).

    None if the request has none. `service` is the registration of the request's `client_id`. Raises DisplayedError.
    """
    if request.redirect_uri is None:
        return None
    if service is None or service.client_id != request.client_id:
        raise DisplayedError(
            "invalid_request", "this service is not known here", f"client_id {request.client_id!r:.80}"
        )
    if request.redirect_uri not in service.logout.redirect_uris:
        described = "the post_logout_redirect_uri is not registered for this service"
        detail = f"post_logout_redirect_uri {request.redirect_uri!r:.400}"
        raise DisplayedError("invalid_request", described, detail, client_id=service.client_id)
    if request.state is None:
        return request.redirect_uri
    return with_query(request.redirect_uri, {"state": request.state})
