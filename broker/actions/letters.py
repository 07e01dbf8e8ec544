"""JWTs that the broker writes to a service: signed, and encrypted where the service's file wants it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from broker import jwe
from broker.actions.needs import Signing
from broker.jwe import EncryptionKey
from broker.model.service import Encryption, Service
from broker.signing import signed

EncryptionKeys = Callable[[Service], Sequence[EncryptionKey]]
"""A service's keys of `use` enc."""


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

    Raises Unavailable where the signing key is out of reach, UnknownKey where the service has no key for it any more.
    """
    token = await signed(claims, keys.signing(alg), typ)
    if encryption is None:
        return token
    key = jwe.choose(theirs(service), encryption.alg)
    return jwe.encrypt(token.encode("ascii"), key, encryption.alg, encryption.enc, cty="JWT")
