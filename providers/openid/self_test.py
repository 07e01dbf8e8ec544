"""Self-test of an OpenID provider: its metadata and keys against the configuration, and its answer to a code that no
citizen brought.

A missing member of the metadata says nothing, unless its absence means by the standard that the provider cannot do what
is configured: many providers leave members out. A finding blocks if the broker cannot do without what is missing, if
the provider demands what it is not sent, or if the token endpoint refuses the broker itself. Lists in metadata alone
never block: some providers take more than they announce. No value from the provider is repeated, except error codes.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from broker.crypto.jose import KeySet
from broker.model.json_types import JsonObject
from broker.model.self_test import SelfTestFinding
from broker.platform import base64url
from broker.platform.http_client import HttpClient, HttpResponse, NotJson
from broker.provider import ProviderFailureReason
from providers.kind import ProviderDependencies
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import (
    TLS_METHODS,
    AcceptedForm,
    LevelPlace,
    LogoutKind,
    ResponseMode,
    UpstreamAuthentication,
    UserinfoForm,
)
from providers.openid.direct_calls import DirectCalls
from providers.openid.error_mapping import log_text
from providers.openid.errors import TOKEN, UpstreamError
from providers.openid.metadata import KeySource, Metadata, configured_metadata, fetch_document, read_metadata
from providers.openid.token_endpoint import REFRESH_TOKEN, CodeGrant

CLIENT_ERRORS: Final = frozenset(
    {"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_dpop_proof"}
)
"""Errors of the token endpoint (RFC 6749 5.2, RFC 9449 5) that do not depend on the code."""


async def run_self_test(
    config: OpenIdConfig, calls: DirectCalls, client: HttpClient, ground: ProviderDependencies, callback: str
) -> Sequence[SelfTestFinding]:
    """Fetches metadata and keys without the caches, and sends one token request. `callback` is the broker's redirect
    URI at this provider. Each call has the client's timeouts; a failed one is a finding."""
    found: list[SelfTestFinding] = []
    try:
        if config.endpoints is not None:
            metadata = configured_metadata(config.endpoints)
        else:
            document = await fetch_document(config, client)
            metadata = read_metadata(config, document, ground.http_clients)
            found += [*_lists(config, document), *_demands(config, document)]
    except UpstreamError as error:
        return (_failed("metadata", error),)
    found += _endpoints(config, metadata)
    try:
        found += _keys(config, await KeySource(client).fetch(metadata.jwks_uri))
    except UpstreamError as error:
        found.append(_failed("keys", error))
    return (*found, *await _token(config, calls, metadata, ground, callback))


def _failed(about: str, error: UpstreamError) -> SelfTestFinding:
    """The finding of a failed call. A provider that is busy works a moment later."""
    return SelfTestFinding(about, error.failure.detail, blocks=error.failure.reason is not ProviderFailureReason.BUSY)


@dataclass(frozen=True, slots=True)
class _Expected:
    """Values of a setting that a list in the metadata should contain: `each` of them, else one.

    `absent_too`: a missing list means that the provider cannot do it.
    """

    setting: str
    member: str
    values: Collection[str]
    each: bool = False
    absent_too: bool = False

    def problem(self, document: JsonObject) -> str | None:
        """What differs, or None. A member that is no list is a deviation from the standard, and none from here."""
        listed = document.get(self.member)
        if listed is None and self.absent_too:
            return f"the metadata has no {self.member}"
        if not isinstance(listed, list) or not self.values:
            return None
        missing = [value for value in self.values if value not in listed]
        if self.each and missing:
            return f"not in {self.member}: {', '.join(missing)}"
        if not self.each and len(missing) == len(self.values):
            return f"{self.member} has none of: {', '.join(missing)}"
        return None


def _lists(config: OpenIdConfig, document: JsonObject) -> Iterator[SelfTestFinding]:
    """What the configuration uses and a list of the metadata lacks."""
    for expected in (*_request(config), *_authentication(config), *_tokens(config)):
        problem = expected.problem(document)
        if problem is not None:
            yield SelfTestFinding(expected.setting, problem)


def _request(config: OpenIdConfig) -> Iterator[_Expected]:
    """The authorization request and the form of its response."""
    asked = {one for value in (config.acr_values or config.level_request.values).values() for one in value.split(" ")}
    place = config.level_request.place
    scopes = {*config.requested_scopes, *(asked if place is LevelPlace.SCOPE else ())}
    yield _Expected("response_type", "response_types_supported", ("code",))
    if config.pkce:
        yield _Expected("pkce", "code_challenge_methods_supported", ("S256",))
    yield _Expected("scopes", "scopes_supported", sorted(scopes), each=True)
    if place in (LevelPlace.ACR_VALUES, LevelPlace.CLAIMS):
        yield _Expected("acr_values", "acr_values_supported", sorted(asked), each=True)
    prompts = {*config.prompt.split(), *config.prompt_fresh.split()}
    yield _Expected("prompt", "prompt_values_supported", sorted(prompts), each=True)
    if config.refresh is not None:
        yield _Expected("refresh", "grant_types_supported", (REFRESH_TOKEN,), absent_too=True)
    mode = config.response_mode
    modes = ("jwt", "query.jwt") if mode is ResponseMode.JWT else (mode.value,)
    absent_too = mode is not ResponseMode.QUERY  # Discovery 3: without the list there are query and fragment
    yield _Expected("response_mode", "response_modes_supported", modes, absent_too=absent_too)
    if mode is ResponseMode.JWT:
        yield _Expected("algorithms", "authorization_signing_alg_values_supported", config.algorithms)
        response, name = config.response_token, "response_token"
        if response.form is not AcceptedForm.SIGNED:
            keys, content = response.encryption_algorithms, response.content_encryption
            yield _Expected(f"{name}.encryption_algorithms", "authorization_encryption_alg_values_supported", keys)
            yield _Expected(f"{name}.content_encryption", "authorization_encryption_enc_values_supported", content)
    table = config.request_object
    if table is not None:
        algorithm = table.algorithm or config.key_algorithm
        yield _Expected("request_object", "request_object_signing_alg_values_supported", (algorithm,))
        if table.encryption_algorithm is not None:
            keys, content = (table.encryption_algorithm,), (table.content_encryption,)
            name = "request_object"
            yield _Expected(f"{name}.encryption_algorithm", "request_object_encryption_alg_values_supported", keys)
            yield _Expected(f"{name}.content_encryption", "request_object_encryption_enc_values_supported", content)


def _authentication(config: OpenIdConfig) -> Iterator[_Expected]:
    """Client authentication and proofs of possession."""
    yield _Expected("authentication", "token_endpoint_auth_methods_supported", (config.authentication.value,))
    if config.authentication is UpstreamAuthentication.PRIVATE_KEY_JWT:
        member = "token_endpoint_auth_signing_alg_values_supported"
        yield _Expected("key_algorithm", member, (config.key_algorithm,))
    if config.dpop is not None:  # RFC 9449 5.1: the list says that the provider has DPoP
        member = "dpop_signing_alg_values_supported"
        yield _Expected("dpop.algorithm", member, (config.dpop.algorithm,), absent_too=True)


def _tokens(config: OpenIdConfig) -> Iterator[_Expected]:
    """Signatures and encryption of ID tokens and userinfo responses."""
    given, userinfo, name = config.id_token, config.userinfo_response, "userinfo_response"
    yield _Expected("algorithms", "id_token_signing_alg_values_supported", config.algorithms)
    if given.form is not AcceptedForm.SIGNED:
        keys, content = given.encryption_algorithms, given.content_encryption
        yield _Expected("id_token.encryption_algorithms", "id_token_encryption_alg_values_supported", keys)
        yield _Expected("id_token.content_encryption", "id_token_encryption_enc_values_supported", content)
    if config.userinfo and userinfo.form in (UserinfoForm.SIGNED, UserinfoForm.NESTED):
        accepted = userinfo.algorithms or config.algorithms
        yield _Expected(f"{name}.algorithms", "userinfo_signing_alg_values_supported", accepted)
    if config.userinfo and userinfo.form in (UserinfoForm.ENCRYPTED, UserinfoForm.NESTED):
        keys, content = userinfo.encryption_algorithms, userinfo.content_encryption
        yield _Expected(f"{name}.encryption_algorithms", "userinfo_encryption_alg_values_supported", keys)
        yield _Expected(f"{name}.content_encryption", "userinfo_encryption_enc_values_supported", content)


def _demands(config: OpenIdConfig, document: JsonObject) -> Iterator[SelfTestFinding]:
    """What the provider demands and is not sent, and what it says that it does not do."""
    if document.get("require_pushed_authorization_requests") is True and not config.pushed:
        yield SelfTestFinding("pushed", "the provider takes pushed requests alone: set pushed = true", blocks=True)
    if document.get("require_signed_request_object") is True and config.request_object is None:
        detail = "the provider takes signed requests alone: add [openid.request_object]"
        yield SelfTestFinding("request_object", detail, blocks=True)
    if document.get("authorization_response_iss_parameter_supported") is False and config.iss_parameter_supported:
        detail = "the metadata says that responses have no iss, without which they are ignored here"
        yield SelfTestFinding("iss_parameter_supported", detail)
    bound = document.get("tls_client_certificate_bound_access_tokens")
    if config.certificate_bound_tokens and bound is not True:
        detail = "the metadata does not say that tokens are bound to certificates (RFC 8705 3.3)"
        yield SelfTestFinding("certificate_bound_tokens", detail)
    asked = config.claims_request or config.level_request.place is LevelPlace.CLAIMS
    if document.get("claims_parameter_supported") is False and asked:
        yield SelfTestFinding("claims_request", "the metadata says that the provider ignores the parameter claims")


def _endpoints(config: OpenIdConfig, metadata: Metadata) -> Iterator[SelfTestFinding]:
    """Endpoints that the configuration uses and the provider does not have."""
    if config.pushed and metadata.pushed_endpoint is None:
        yield SelfTestFinding("pushed", "there is no usable pushed_authorization_request_endpoint", blocks=True)
    if config.userinfo and metadata.userinfo_endpoint is None:
        detail = "there is no userinfo_endpoint: set userinfo = false if the ID token has all claims"
        yield SelfTestFinding("userinfo", detail)
    if config.logout.check_session and metadata.check_session_iframe is None:
        detail = "there is no usable check_session_iframe: the page session-watch has nothing to ask"
        yield SelfTestFinding("logout.check_session", detail)
    if not config.end_session:
        return
    if config.logout.kind is LogoutKind.REVOKE:
        if metadata.revocation_endpoint is None:
            yield SelfTestFinding("logout", "there is no usable revocation_endpoint: citizens stay signed in there")
    elif metadata.end_session_endpoint is None and config.logout.url is None:
        detail = "there is no usable end_session_endpoint: citizens stay signed in there; else set end_session = false"
        yield SelfTestFinding("end_session", detail)


def _keys(config: OpenIdConfig, keys: KeySet) -> Iterator[SelfTestFinding]:
    """Settings of whose signature algorithms none has a key.

    One is enough: many providers announce more algorithms than they sign with, and the settings may accept them all.
    """
    held = {algorithm for same in keys.keys.values() for key in same for algorithm in key.algorithms}
    table, userinfo = config.identity_token, config.userinfo_response
    accepted = [("algorithms", config.algorithms, True)]
    if config.userinfo and userinfo.algorithms and userinfo.form in (UserinfoForm.SIGNED, UserinfoForm.NESTED):
        accepted.append(("userinfo_response.algorithms", userinfo.algorithms, True))
    if table is not None and table.did is None and table.keys_url is None:
        accepted.append(("identity_token.algorithms", table.algorithms, table.required))
    for setting, algorithms, blocks in accepted:
        if held.isdisjoint(algorithms):
            detail = f"the key set has a key for none of {setting}: {', '.join(algorithms)}"
            yield SelfTestFinding("keys", detail, blocks=blocks)


async def _token(
    config: OpenIdConfig, calls: DirectCalls, metadata: Metadata, ground: ProviderDependencies, callback: str
) -> Sequence[SelfTestFinding]:
    """The answer of the token endpoint to a made-up code; `invalid_grant` says that all else was accepted."""
    code, verifier = (base64url.encode(ground.system.random_bytes(32)) for _ in range(2))
    grant = CodeGrant(code, verifier if config.pkce else None, callback)
    answer = await calls.post(metadata, metadata.token_endpoint, grant.form(), calls.prepare())
    about = "token_endpoint"
    if not isinstance(answer, HttpResponse):
        return (_failed(about, TOKEN.failed(answer)),)
    if 200 <= answer.status < 300:
        return (SelfTestFinding(about, "it answers a made-up code as if it were valid"),)
    document = answer.json()
    error = None if isinstance(document, NotJson) else document.get("error")
    if not isinstance(error, str) or not 400 <= answer.status < 500 or answer.status == 429:
        failure = TOKEN.failed(answer).failure
        # 500 may be about this code alone: some providers fail at one that they did not issue
        blocks = failure.outage and failure.reason is not ProviderFailureReason.BUSY and answer.status != 500
        advice = f": {_advice(config)}" if answer.status == 401 else ""
        return (SelfTestFinding(about, f"status {answer.status} for a made-up code{advice}", blocks=blocks),)
    if error == "invalid_grant":
        return ()
    if error == "invalid_client":
        return (SelfTestFinding(about, f"invalid_client: {_advice(config)}", blocks=True),)
    detail = f"{log_text(error)} for a made-up code, in place of invalid_grant"
    return (SelfTestFinding(about, detail, blocks=error in CLIENT_ERRORS),)


def _advice(config: OpenIdConfig) -> str:
    """What to check if the provider rejects the broker's client authentication."""
    method = config.authentication
    registered = f"check client_id, and that it is registered there for {method}"
    if method is UpstreamAuthentication.NONE:
        return registered
    if method in TLS_METHODS:
        return f"{registered} with the certificate of certificate_file, which may have expired"
    if method is UpstreamAuthentication.PRIVATE_KEY_JWT:
        keys = "the key of key_file, whose public half is at /providers/<id>/jwks"
        return f"{registered} with {keys}; then key_id, key_algorithm, assertion_audience, and this machine's clock"
    return f"{registered} with the secret in secret_file, which may have expired"
