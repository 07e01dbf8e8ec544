"""JWTs that the broker writes to a service: signed, and encrypted where the service's file wants it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from broker import jwe
from broker.actions.needs import Signing
from broker.jose import UnknownKey
from broker.jwe import EncryptionKey
from broker.model.facts import Unavailable
from broker.model.service import Encryption, Service
from broker.signing import signed

EncryptionKeys = Callable[[Service, str], Awaitable[Sequence[EncryptionKey]]]
"""A service's keys of `use` enc, best with one for the algorithm."""


async def letter(
    claims: Mapping[str, Any],
    service: Service,
    alg: str,
    encryption: Encryption | None,
    keys: Signing,
    theirs: EncryptionKeys,
    typ: str | None = None,
) -> str:
    """The claims signed, then encrypted if `encryption` says how (RFC 7519 11.2: first sign, then encrypt).

    Raises Unavailable where the signing key is out of reach, or where the service shows no key for it now.
    """
    token = await signed(claims, keys.signing(alg), typ)
    if encryption is None:
        return token
    try:
        key = jwe.choose(await theirs(service, encryption.alg), encryption.alg)
    except UnknownKey as unknown:
        raise Unavailable(f"{service.client_id}: {unknown.detail}") from None
    return jwe.encrypt(token.encode("ascii"), key, encryption.alg, encryption.enc, cty="JWT")
