"""JWTs for a service: signed, and encrypted if the service's settings say so."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from broker.actions.ports import SigningKeys
from broker.crypto import jwe
from broker.crypto.jose import UnknownKey
from broker.crypto.jwe import EncryptionKey
from broker.crypto.signing import sign
from broker.model.json_types import JsonObject
from broker.model.service import Encryption, Service
from broker.model.store_results import StoreUnavailable

EncryptionKeys = Callable[[Service, str], Awaitable[Sequence[EncryptionKey]]]
"""Returns a service's keys of `use` enc for an algorithm."""


@dataclass(frozen=True, slots=True)
class JwtFormat:
    """How a service receives one kind of JWT: signature algorithm, encryption if any, `typ` of the header."""

    alg: str
    encryption: Encryption | None = None
    typ: str | None = None


@dataclass(frozen=True, slots=True)
class JwtResponse:
    """A response that is one JWT: its text and media type."""

    text: str
    content_type: str


async def issue_jwt(
    claims: JsonObject, service: Service, jwt_format: JwtFormat, keys: SigningKeys, encryption_keys: EncryptionKeys
) -> str:
    """Signs the claims, then encrypts them if the format says so (RFC 7519 11.2: first sign, then encrypt).

    Raises StoreUnavailable if the signing key is unreachable, or if the service publishes no encryption key.
    """
    token = await sign(claims, keys.signing(jwt_format.alg), jwt_format.typ)
    encryption = jwt_format.encryption
    if encryption is None:
        return token
    try:
        key = jwe.choose(await encryption_keys(service, encryption.alg), encryption.alg)
    except UnknownKey as unknown:
        raise StoreUnavailable(f"{service.client_id}: {unknown.detail}") from None
    return jwe.encrypt(token.encode("ascii"), key, encryption.alg, encryption.enc, cty="JWT")
