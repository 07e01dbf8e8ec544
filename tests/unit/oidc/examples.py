"""Example broker, services and requests for tests of the rules."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from broker.crypto import jose
from broker.model.assurance import AcrLevels, Level
from broker.model.grant import AuthorizationCode, Grant, ReleasedIdentity
from broker.model.request import AuthorizationRequest, ResponseMode
from broker.model.service import ClaimPurpose, ClientAuthentication, SecurityProfile, Service
from broker.oidc.authorization_checks import RequestSource, ServerContext
from broker.oidc.authorization_request import authorization_request
from broker.oidc.errors import EndpointError, RedirectedError
from broker.oidc.request_object import RequestVerification
from tests.support.services import make_service

NOW = 1_800_000_000.0
ISSUER = "https://id.example"
CALLBACK = "https://tax.example/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
"""The pair of RFC 7636, appendix B."""

LADDER = AcrLevels({Level.LOW: "low", Level.SUBSTANTIAL: "substantial", Level.HIGH: "high"})


@cache
def key(alg: str = "ES256", owner: str = "broker") -> jose.SigningKey:
    """A key for each algorithm and owner; the same one throughout a run."""
    return jose.load_signing_key(jose.new_signing_key_pem(alg), alg, f"{owner}-{alg}")


def keys(*signing: jose.SigningKey) -> jose.KeySet:
    """The public halves."""
    return jose.parse_keys({"keys": [dict(jose.public_jwk(each)) for each in signing]})


def data(*claims: str) -> tuple[ClaimPurpose, ...]:
    """Claims a service may ask for."""
    return tuple(ClaimPurpose(claim, {"en": "to know you"}) for claim in claims)


def service(**changes: Any) -> Service:
    """A service of the `oidc` profile with most permissions, and the given changes."""
    fields: dict[str, Any] = {
        "client_id": "tax",
        "names": {"en": "Tax"},
        "redirect_uris": (CALLBACK, "https://tax.example/other?lang=cy"),
        "sector": "tax.example",
        "home": "https://tax.example/",
        "profile": SecurityProfile.OIDC,
        "authentication": ClientAuthentication.PRIVATE_KEY_JWT,
        "post_logout_redirect_uris": ("https://tax.example/bye", "https://tax.example/bye?lang=cy"),
        "scopes": ("openid", "profile", "email"),
        "claims": data("given_name", "family_name", "birthdate", "email", "email_verified"),
        "refresh": True,
    }
    return make_service(**(fields | changes))


SERVER = ServerContext(ISSUER, LADDER, lambda: keys(key()), tuple(ResponseMode))
SENDER = RequestVerification(keys(key("ES256", "tax"), key("RS256", "tax")), NOW)
"""The service of the requests, and the moment at which they come."""


def parameters(**changes: str | None) -> dict[str, str]:
    """A valid plain request with the given changes; None removes a parameter."""
    fields: dict[str, str | None] = {
        "client_id": "tax",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def release(**changes: Any) -> ReleasedIdentity:
    """The released identity of one citizen."""
    fields: dict[str, Any] = {
        "subject": "pairwise-1",
        "level": Level.SUBSTANTIAL,
        "amr": ("pwd", "otp"),
        "auth_time": int(NOW) - 30,
        "claims": {"given_name": "Mair", "family_name": "Huws", "email": "mair@mail.example"},
        "session": "session-1",
        "max_age_asked": True,
    }
    return ReleasedIdentity(**(fields | changes))


def code(**changes: Any) -> AuthorizationCode:
    """A code issued ten seconds ago."""
    fields: dict[str, Any] = {
        "digest": "d",
        "transaction": "t",
        "client_id": "tax",
        "account": "a",
        "redirect_uri": CALLBACK,
        "scope": ("openid", "profile", "offline_access"),
        "release": release(),
        "created": NOW - 10,
        "expires": NOW + 50,
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
    }
    return AuthorizationCode(**(fields | changes))


def grant(**changes: Any) -> Grant:
    """A grant of ten seconds ago, not bound to a key."""
    fields: dict[str, Any] = {
        "id": "g",
        "client_id": "tax",
        "account": "a",
        "scope": ("openid", "profile", "offline_access"),
        "release": release(),
        "created": NOW - 10,
        "expires": NOW + 1000,
    }
    return Grant(**(fields | changes))


def without(mapping: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A mapping without some of its members."""
    return {name: value for name, value in mapping.items() if name not in names}


def plain(of: Service | None = None, /, **changes: str | None) -> AuthorizationRequest:
    """The record of an authorization request in a plain query."""
    return authorization_request(parameters(**changes), of or service(), RequestSource.PLAIN, SERVER, SENDER)


def pushed(of: Service | None = None, /, **changes: str | None) -> AuthorizationRequest:
    """The record of a pushed authorization request."""
    return authorization_request(parameters(**changes), of or service(), RequestSource.PUSHED, SERVER, SENDER)


def refused(of: Service | None = None, /, **changes: str | None) -> RedirectedError:
    """The error of a request: redirected if the request is plain, a response with status 400 if it is pushed."""
    with pytest.raises(RedirectedError) as error:
        plain(of, **changes)
    with pytest.raises(EndpointError) as at_par:
        pushed(of, **changes)
    assert (at_par.value.code, at_par.value.status) == (error.value.code, 400)
    return error.value
