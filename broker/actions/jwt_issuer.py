"""JWTs that the broker writes to a service: signed, and encrypted where the service's file wants it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from broker.actions.ports import SigningKeys
from broker.crypto import jwe
from broker.crypto.jose import UnknownKey
from broker.crypto.jwe import EncryptionKey
from broker.crypto.signing import sign
from broker.model.service import Encryption, Service
from broker.model.store_results import StoreUnavailable

EncryptionKeys = Callable[[Service, str], Awaitable[Sequence[EncryptionKey]]]
"""A service's keys of `use` enc, best with one for the algorithm."""


async def issue_jwt(
    claims: Mapping[str, Any],
    service: Service,
    alg: str,
    encryption: Encryption | None,
    keys: SigningKeys,
    theirs: EncryptionKeys,
    typ: str | None = None,
) -> str:
    """The claims signed, then encrypted if `encryption` says how (RFC 7519 11.2: first sign, then encrypt).

    Raises StoreUnavailable where the signing key is out of reach, or where the service shows no key for it now.
    """
    token = await sign(claims, keys.signing(alg), typ)
    if encryption is None:
        return token
    try:
        key = jwe.choose(await theirs(service, encryption.alg), encryption.alg)
    except UnknownKey as unknown:
        raise StoreUnavailable(f"{service.client_id}: {unknown.detail}") from None
    return jwe.encrypt(token.encode("ascii"), key, encryption.alg, encryption.enc, cty="JWT")
