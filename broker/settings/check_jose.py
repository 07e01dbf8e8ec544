"""Checks of the JWS and JWE algorithms of a service's responses."""

from collections.abc import Iterator
from typing import Final

from broker.crypto.jose import InvalidToken
from broker.crypto.jwe import ALGORITHMS, CONTENT, parse_encryption_keys
from broker.model.service import SecurityProfile, Service
from broker.platform.toml_loader import Problem, suggestion
from broker.settings.check_context import CheckContext

SIGNED: Final = ("id_token_alg", "response_alg", "userinfo_alg", "introspection_alg")
KEY_WRAPPING: Final = dict.fromkeys(sorted(ALGORITHMS))
CONTENT_SEALING: Final = dict.fromkeys(sorted(CONTENT))
ENCRYPTED: Final = (
    "response_encryption",
    "id_token_encryption",
    "userinfo_encryption",
    "introspection_encryption",
)


def check_signatures(service: Service, _context: CheckContext) -> Iterator[Problem]:
    """Checks signature algorithms: no RSASSA-PKCS1-v1_5 in the `fapi2` profile (FAPI 2.0 Security Profile 5.4)."""
    if service.profile is SecurityProfile.FAPI2:
        for name in SIGNED:
            if getattr(service.signing, name) == "RS256":
                yield Problem(name, "RS256 is not allowed in the fapi2 profile", "use ES256, PS256 or EdDSA")


def check_encryption(service: Service, _context: CheckContext) -> Iterator[Problem]:
    """Checks that encryption algorithms are supported, and that a key of the service matches (OpenID Connect Core
    10.2)."""
    if service.signing.userinfo_encryption is not None and service.signing.userinfo_alg is None:
        yield Problem("userinfo_encryption", "userinfo is not signed", 'add userinfo_alg = "ES256"')
    try:
        keys = parse_encryption_keys(service.credentials.jwks or {"keys": []})
    except InvalidToken:
        return
    for name in ENCRYPTED:
        wanted = getattr(service.signing, name)
        if wanted is None:
            continue
        if wanted.alg not in ALGORITHMS:
            yield Problem(f"{name}.alg", f'"{wanted.alg}" is not known', suggestion(wanted.alg, KEY_WRAPPING))
        elif service.credentials.jwks_uri is None and not any(wanted.alg in key.algorithms for key in keys):
            fix = 'add a public key with use = "enc" to jwks, to the file of jwks_file, or publish one at jwks_uri'
            yield Problem(name, f"no key of the service can be used for {wanted.alg}", fix)
        if wanted.enc not in CONTENT:
            yield Problem(f"{name}.enc", f'"{wanted.enc}" is not known', suggestion(wanted.enc, CONTENT_SEALING))
