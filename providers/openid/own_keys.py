"""The broker's own keys at one provider: for client assertions, for proofs, for decryption; and what is published."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from broker.crypto.jose import SigningKey, certificate_chain, certificate_jwk, load_signing_key
from broker.crypto.jwe_upstream import UpstreamDecryptionKey, load_upstream_decryption_key
from broker.model.json_types import JsonObject
from broker.platform import base64url
from broker.platform.operator_files import first_line
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import (
    TLS_METHODS,
    AcceptedForm,
    CertificateHeader,
    IdTokenConfig,
    ResponseTokenConfig,
    UpstreamAuthentication,
    UserinfoConfig,
)


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Keys and secret of the broker at one provider. The first of `decryption` is current, others are previous ones.

    `published` sign nothing: they are the next or previous ones of `assertion`. `headers` name the certificate of
    `assertion` and `request` in what they sign. `certificate` is the SHA-256 of the client certificate (RFC 8705 3.1),
    to which tokens have to be bound; `self_signed` is its key, if the provider knows it by that (2.2).
    """

    assertion: SigningKey | None = None
    secret: str | None = field(default=None, repr=False)
    request: SigningKey | None = None
    proof: SigningKey | None = None
    decryption: tuple[UpstreamDecryptionKey, ...] = ()
    published: tuple[SigningKey, ...] = ()
    headers: JsonObject = field(default_factory=dict)
    certificate: str | None = None
    self_signed: JsonObject | None = None

    @property
    def jwks(self) -> JsonObject:
        """The public keys for the provider (RFC 7517 5): the one that verifies assertions and requests, those before
        and after it, the current one that encrypts, and that of a self-signed client certificate."""
        known = {key.kid: key.jwk for key in (self.assertion, self.request, *self.published) if key is not None}
        certified = [] if self.self_signed is None else [self.self_signed]
        return {"keys": [*known.values(), *(key.jwk for key in self.decryption[:1]), *certified]}


def load_own_keys(config: OpenIdConfig, read: Callable[[Path], bytes]) -> OwnKeys:
    """Reads the files that the settings name. Raises OSError or ValueError for one that cannot be used."""
    assertion = secret = proof = request = None
    if config.authentication is UpstreamAuthentication.PRIVATE_KEY_JWT:
        if config.key_file is None:
            raise ValueError("private_key_jwt needs a key_file")
        assertion = load_signing_key(read(config.key_file), config.key_algorithm, config.key_id, upstream=True)
    elif config.authentication not in TLS_METHODS and config.authentication is not UpstreamAuthentication.NONE:
        if config.secret_file is None:
            raise ValueError(f"{config.authentication} needs a secret_file")
        secret = first_line(read(config.secret_file))
    if config.request_object is not None and config.key_file is not None:
        algorithm = config.request_object.algorithm or config.key_algorithm
        request = load_signing_key(read(config.key_file), algorithm, config.key_id, upstream=True)
    if config.dpop is not None and config.dpop.key_file is not None:
        proof = load_signing_key(read(config.dpop.key_file), config.dpop.algorithm, upstream=True)
    announced = _encrypted(config).encryption_algorithms[0]
    decryption = tuple(load_upstream_decryption_key(read(path), announced) for path in config.encryption_key_files)
    published = tuple(
        load_signing_key(read(path), config.key_algorithm, upstream=True) for path in config.published_key_files
    )
    headers = _certificate_headers(config, assertion or request, read)
    certificate, self_signed = _client_certificate(config, read)
    return OwnKeys(assertion, secret, request, proof, decryption, published, headers, certificate, self_signed)


def _client_certificate(config: OpenIdConfig, read: Callable[[Path], bytes]) -> tuple[str | None, JsonObject | None]:
    """The digest to which tokens have to be bound, and the key by which the provider knows the certificate, as far as
    the settings say so."""
    by_key = config.authentication is UpstreamAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH
    if config.certificate_file is None or not (by_key or config.certificate_bound_tokens):
        return None, None
    chain = certificate_chain(read(config.certificate_file))
    digest = base64url.encode(hashlib.sha256(chain[0]).digest())
    return digest if config.certificate_bound_tokens else None, certificate_jwk(chain) if by_key else None


def _encrypted(config: OpenIdConfig) -> IdTokenConfig | UserinfoConfig | ResponseTokenConfig:
    """The table whose first algorithm is announced with the broker's key."""
    if config.id_token.form is not AcceptedForm.SIGNED:
        return config.id_token
    if config.response_token.form is not AcceptedForm.SIGNED:
        return config.response_token
    return config.userinfo_response


def _certificate_headers(config: OpenIdConfig, key: SigningKey | None, read: Callable[[Path], bytes]) -> JsonObject:
    """The header members that name the certificate of a key. Raises ValueError if it is that of another one."""
    if config.key_certificate_file is None or key is None:
        return {}
    try:
        der = certificate_chain(read(config.key_certificate_file), key)
    except ValueError as problem:
        raise ValueError(f"key_certificate_file: {problem}") from None
    members: Mapping[CertificateHeader, object] = {
        CertificateHeader.X5T: base64url.encode(hashlib.sha1(der[0], usedforsecurity=False).digest()),
        CertificateHeader.X5T_S256: base64url.encode(hashlib.sha256(der[0]).digest()),
        CertificateHeader.X5C: [base64.b64encode(one).decode("ascii") for one in der],
    }
    return {name.value: members[name] for name in config.key_certificate_headers}
