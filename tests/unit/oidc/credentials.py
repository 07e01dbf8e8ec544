"""Clients with each authentication method, and their credentials."""

import base64
import hashlib
from typing import Any

import pytest

from broker.crypto import jose
from broker.model.service import ClientAuthentication, SecurityProfile, Service
from broker.oidc.client_authentication import AssertionAudience, Credentials, authenticate_client
from broker.oidc.errors import EndpointError
from tests.unit.oidc.examples import ISSUER, NOW, key, keys, service

TOKEN = f"{ISSUER}/token"
AUDIENCE = AssertionAudience(ISSUER, (TOKEN, f"{ISSUER}/par"))
SECRET = "s3cret: ä+%/"
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()
OWN = key("ES256", "tax")
KEYS = keys(OWN, key("PS256", "tax"), key("EdDSA", "tax"), key("RS256", "tax"))
OIDC = service()
FAPI2 = service(profile=SecurityProfile.FAPI2)
BASIC = service(authentication=ClientAuthentication.CLIENT_SECRET_BASIC, secret_digest=DIGEST)
POST = service(authentication=ClientAuthentication.CLIENT_SECRET_POST, secret_digest=DIGEST)
APP = service(authentication=ClientAuthentication.NONE)
CLAIMS = {"iss": "tax", "sub": "tax", "aud": ISSUER, "jti": "j-1", "iat": NOW, "exp": NOW + 60}


def assertion(signing: jose.SigningKey = OWN, typ: str | None = None, **changes: Any) -> str:
    """A client assertion (RFC 7523); a claim that is None is left out."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jose.sign(claims, signing, typ)


def basic(user: str, password: str) -> str:
    """An `Authorization` header of the scheme Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def hint_of(credentials: Credentials, of: Service | None) -> str:
    """The hint in the error description of a failed client authentication."""
    with pytest.raises(EndpointError) as error:
        authenticate_client(credentials, of, KEYS, AUDIENCE, NOW)
    assert error.value.code == "invalid_client"
    return error.value.description.removeprefix("the service could not be authenticated").removeprefix(": ")
