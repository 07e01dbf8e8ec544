"""Parameters that each endpoint reads. Others are ignored (RFC 6749 3.1, 3.2; RFC 7009 2.1).

A new parameter must be added here first: others never reach a check. Those listed must occur once and be well formed
(`broker.oidc.form_parser`); others may contain anything within the size limit, such as several `resource` (RFC 8707 2).
"""

from collections.abc import Mapping
from typing import Final

from broker.oidc.ciba_request_object import INSIDE

CREDENTIALS: Final = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})
"""Client authentication in a form (RFC 6749 2.3.1, RFC 7521 4.2)."""

AUTHORIZATION: Final = frozenset(
    {"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge"}
    | {"code_challenge_method", "dpop_jkt", "prompt", "max_age", "acr_values", "id_token_hint", "claims", "ui_locales"}
    | {"login_hint", "provider_hint", "request", "request_uri", "registration", "portico_resume"}
)
"""Authorization request (OpenID Connect Core 3.1.2.1, RFC 7636 4.3, RFC 9449 10, RFC 9101 5)."""

LOGOUT: Final = frozenset({"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"})
"""Logout request (RP-Initiated Logout 1.0, 2)."""

CALLBACK: Final = frozenset({"code", "state", "iss", "error", "response"})
"""Parameters of a provider's response that must be single and well formed (RFC 6749 4.1.2, RFC 9207 2, JARM 2.3)."""

ENDPOINT_PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "/token": CREDENTIALS
    | {"grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "auth_req_id"},
    "/par": CREDENTIALS | AUTHORIZATION,
    "/ciba": CREDENTIALS | INSIDE | {"request"},
    "/introspect": CREDENTIALS | {"token"},
    "/revoke": CREDENTIALS | {"token"},
}
"""Form parameters by endpoint path. Userinfo reads none (RFC 6750 2.1)."""
