"""Checks of the table `[openid]` beyond the types of its fields."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from typing import Final
from urllib.parse import urlsplit

from broker.crypto.jose import UPSTREAM_ALGORITHMS, strict_json
from broker.crypto.jwe import CONTENT, KEY_ALGORITHMS
from broker.crypto.jwe_upstream import UPSTREAM_CONTENT, UPSTREAM_KEY_ALGORITHMS
from broker.model.assurance import Level
from broker.normalize.phone import regions
from broker.platform.toml_loader import Problem
from providers.openid.claim_paths import InvalidPath, compile_path
from providers.openid.config import RESERVED, OpenIdConfig
from providers.openid.config_tables import (
    TLS_METHODS,
    AcceptedForm,
    DocumentPlace,
    LevelComparison,
    LevelPlace,
    LogoutKind,
    NewSignIn,
    ResponseMode,
    UpstreamAuthentication,
    UserinfoForm,
)
from providers.openid.did_document import document_url
from providers.openid.event_config import EventDelivery


def check(config: OpenIdConfig, *, development: bool) -> list[Problem]:
    """Checks the table beyond the types of its fields."""
    return [
        *_check_issuer(config, development=development),
        *_check_urls(config, development=development),
        *_check_simulator(config, development=development),
        *_check_keys(config),
        *_check_connections(config),
        *_check_logout(config, development=development),
        *_check_events(config),
        *_check_refresh(config),
        *_check_request_object(config),
        *_check_encryption(config),
        *_check_identity_token(config),
        *_check_claim_sources(config, development=development),
        *_check_levels(config),
        *_check_level_request(config),
        *_check_paths(config),
        *_check_rest(config),
    ]


def _check_issuer(config: OpenIdConfig, *, development: bool) -> Iterator[Problem]:
    try:
        parts = urlsplit(config.issuer)
    except ValueError:
        yield Problem("issuer", "this is not a URL", "write it as https://...")
        return
    schemes = ("https", "http") if development else ("https",)
    if parts.scheme not in schemes or not parts.hostname:
        yield Problem("issuer", "an https URL is required", 'http is only for environment = "development"')
    if parts.query or parts.fragment or "@" in parts.netloc:
        yield Problem("issuer", "an issuer has no query, fragment or credentials", "write the issuer of its metadata")


def _check_urls(config: OpenIdConfig, *, development: bool) -> Iterator[Problem]:
    """Each address is https and has a host; http is only for development."""
    named = {"discovery_url": config.discovery_url, "logout.url": config.logout.url}
    if config.identity_token is not None:
        named["identity_token.keys_url"] = config.identity_token.keys_url
    if config.events is not None:
        named |= {"events.url": config.events.url, "events.jwks_uri": config.events.jwks_uri}
    if config.endpoints is not None:
        named |= {f"endpoints.{one.name}": getattr(config.endpoints, one.name) for one in fields(config.endpoints)}
    for place, url in named.items():
        if url is not None and not _is_url(url, ("https", "http") if development else ("https",)):
            yield Problem(place, "an https URL is required", 'http is only for environment = "development"')


def _is_url(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment


def _check_simulator(config: OpenIdConfig, *, development: bool) -> Iterator[Problem]:
    if config.simulator is None:
        return
    if not development:
        yield Problem("simulator", "a simulator is for development only", "remove it")
    elif not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", config.simulator):
        yield Problem("simulator", "this is not an origin", 'write it as "http://localhost:8003"')


def _check_keys(config: OpenIdConfig) -> Iterator[Problem]:
    if bool(config.key_certificate_headers) != (config.key_certificate_file is not None):
        fix = "name the file in key_certificate_file, and the members in key_certificate_headers, or neither"
        yield Problem("key_certificate_file", "a certificate and header members that name it belong together", fix)
    if config.authentication is UpstreamAuthentication.PRIVATE_KEY_JWT:
        if config.key_file is None:
            yield Problem("key_file", "private_key_jwt needs a key", "name a PEM file; `portico keys init` makes them")
        yield from _known(("key_algorithm",), (config.key_algorithm,), UPSTREAM_ALGORITHMS)
    elif config.authentication in TLS_METHODS:
        if config.certificate_file is None:
            yield Problem("certificate_file", f"{config.authentication} needs a certificate", "name a PEM file")
    elif config.authentication is not UpstreamAuthentication.NONE and config.secret_file is None:
        yield Problem("secret_file", f"{config.authentication} needs a secret", "name the file that holds it")


def _check_events(config: OpenIdConfig) -> Iterator[Problem]:
    """Only events that are polled have an address, and theirs alone is needed."""
    events = config.events
    if events is None:
        return
    if events.method is EventDelivery.PUSH and events.url is not None:
        fix = 'remove it, or write method = "poll"'
        yield Problem("events.url", "events that are pushed need no address", fix)
    if events.method is EventDelivery.POLL and events.url is None:
        yield Problem("events.url", "a poll needs an address", "write the one that the provider gave")
    places = (f"events.algorithms[{i}]" for i in range(len(events.algorithms)))
    yield from _known(places, events.algorithms, UPSTREAM_ALGORITHMS)


def _check_logout(config: OpenIdConfig, *, development: bool) -> Iterator[Problem]:
    """The settings of the logout fit each other. Each origin of a page with a frame is https; http is only for
    development."""
    logout, origins = config.logout, config.logout.frontchannel_origins
    if logout.must_call and logout.may_not_return:
        fix = "keep one of the two"
        yield Problem("logout.must_call", "citizens would be sent where they may not come back from", fix)
    if (logout.must_call or logout.may_not_return) and (not config.end_session or logout.kind is LogoutKind.REVOKE):
        name = "must_call" if logout.must_call else "may_not_return"
        yield Problem(f"logout.{name}", "citizens do not visit this provider to sign out", "remove it")
    if logout.check_session and config.endpoints is not None and config.endpoints.check_session_iframe is None:
        fix = "write endpoints.check_session_iframe, or remove it"
        yield Problem("logout.check_session", "the provider has no page that could be asked", fix)
    if origins and not config.logout.frontchannel:
        fix = "write frontchannel = true, or remove it"
        yield Problem("logout.frontchannel_origins", "the provider shows no frame", fix)
    for i, origin in enumerate(origins):
        if not re.fullmatch(rf"http{'s?' if development else 's'}://[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?", origin):
            fix = 'write it as "https://login.example"'
            yield Problem(f"logout.frontchannel_origins[{i}]", "this is not an https origin", fix)


def _check_refresh(config: OpenIdConfig) -> Iterator[Problem]:
    if config.refresh is None:
        return
    for i, scope in enumerate(config.refresh.scopes):
        if not re.fullmatch(r"[\x21\x23-\x5B\x5D-\x7E]+", scope):
            yield Problem(f"refresh.scopes[{i}]", "this is not a scope", 'write one, such as "offline_access"')
    if "none" in config.prompt.split():
        fix = 'remove it, or write "consent" if the provider issues refresh tokens after a consent alone'
        yield Problem("prompt", "without a page the provider cannot ask for what a refresh token needs", fix)


def _check_connections(config: OpenIdConfig) -> Iterator[Problem]:
    if config.certificate_key_file is not None and config.certificate_file is None:
        yield Problem("certificate_key_file", "there is no certificate for this key", "name it in certificate_file")
    if config.certificate_bound_tokens and config.certificate_file is None:
        yield Problem("certificate_file", "tokens cannot be bound without a certificate", "name a PEM file")
    for i, root in enumerate(config.tls_roots):
        if not re.fullmatch(r"[0-9a-f]{64}", root):
            yield Problem(f"tls_roots[{i}]", "this is no SHA-256 digest", "write 64 hexadecimal digits in lower case")
    for name, value in config.headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", name) or name.lower() in OWN_HEADERS:
            yield Problem(f"headers.{name}", "the broker sets this header, or it has no such name", "remove it")
        if not re.fullmatch(r"[\x20-\x7E]{1,512}", value):
            yield Problem(f"headers.{name}", "this is not valid in a header", "write printable ASCII")


OWN_HEADERS: Final = frozenset(
    {"accept-encoding", "authorization", "connection", "content-length", "content-type", "cookie", "dpop", "host"}
    | {"proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)
"""Headers of a call that configuration cannot set."""


def _check_request_object(config: OpenIdConfig) -> Iterator[Problem]:
    table = config.request_object
    if table is None:
        return
    if config.key_file is None:
        yield Problem("key_file", "signed requests need a key", "name a PEM file; `portico keys init` makes them")
    if table.algorithm is not None:
        yield from _known(("request_object.algorithm",), (table.algorithm,), UPSTREAM_ALGORITHMS)
    if table.encryption_algorithm is not None:
        yield from _known(("request_object.encryption_algorithm",), (table.encryption_algorithm,), KEY_ALGORITHMS)
        yield from _known(("request_object.content_encryption",), (table.content_encryption,), CONTENT)


def _check_encryption(config: OpenIdConfig) -> Iterator[Problem]:
    given, userinfo = config.id_token, config.userinfo_response
    response = config.response_token
    hidden = userinfo.form in (UserinfoForm.ENCRYPTED, UserinfoForm.NESTED) or given.form is not AcceptedForm.SIGNED
    if response.form is not AcceptedForm.SIGNED and config.response_mode is not ResponseMode.JWT:
        yield Problem("response_token.form", "responses are no tokens", 'set response_mode = "jwt"')
    if (hidden or response.form is not AcceptedForm.SIGNED) and not config.encryption_key_files:
        fix = "name a PEM file; `portico keys init` makes them"
        yield Problem("encryption_key_files", "encrypted tokens need a key for their decryption", fix)
    for name, values, known in (
        ("id_token.encryption_algorithms", given.encryption_algorithms, UPSTREAM_KEY_ALGORITHMS),
        ("id_token.content_encryption", given.content_encryption, UPSTREAM_CONTENT),
        ("userinfo_response.encryption_algorithms", userinfo.encryption_algorithms, UPSTREAM_KEY_ALGORITHMS),
        ("userinfo_response.content_encryption", userinfo.content_encryption, UPSTREAM_CONTENT),
        ("response_token.encryption_algorithms", response.encryption_algorithms, UPSTREAM_KEY_ALGORITHMS),
        ("response_token.content_encryption", response.content_encryption, UPSTREAM_CONTENT),
    ):
        if not values:
            yield Problem(name, "no algorithm is listed", f'list one, such as ["{known[-1]}"]')
        yield from _known((f"{name}[{i}]" for i in range(len(values))), values, known)
    signed = userinfo.algorithms
    yield from _known((f"userinfo_response.algorithms[{i}]" for i in range(len(signed))), signed, UPSTREAM_ALGORITHMS)
    if config.dpop is not None:
        yield from _known(("dpop.algorithm",), (config.dpop.algorithm,), UPSTREAM_ALGORITHMS)
        if config.dpop.key_file is None and config.dpop.algorithm != "ES256":
            yield Problem("dpop.key_file", "only ES256 keys are made for each sign-in", "name a PEM file")


def _check_identity_token(config: OpenIdConfig) -> Iterator[Problem]:
    table = config.identity_token
    if table is None:
        if DocumentPlace.IDENTITY_TOKEN in (
            config.level_answer.place,
            getattr(config.credential_answer, "place", None),
        ):
            yield Problem("identity_token", "the level is read from it, but it is not described", "write its table")
        return
    listed = table.algorithms
    if not listed:
        yield Problem("identity_token.algorithms", "no algorithm is listed", 'list one, such as ["ES256"]')
    yield from _known((f"identity_token.algorithms[{i}]" for i in range(len(listed))), listed, UPSTREAM_ALGORITHMS)
    if table.place is DocumentPlace.IDENTITY_TOKEN:
        yield Problem("identity_token.place", "it cannot contain itself", 'write "userinfo" or "id_token"')
    if table.did is not None and table.keys_url is not None:
        yield Problem("identity_token", "did and keys_url both name its keys", "keep one of the two")
    if table.did is not None and document_url(table.did) is None:
        yield Problem("identity_token.did", "this is no DID of the method did:web", 'write "did:web:host.example"')


def _check_claim_sources(config: OpenIdConfig, *, development: bool) -> Iterator[Problem]:
    schemes = ("https", "http") if development else ("https",)
    for issuer, table in config.claim_sources.items():
        place = f"claim_sources.{issuer}"
        if not _is_url(table.keys_url, schemes):
            yield Problem(f"{place}.keys_url", "an https URL is required", "write the URL of its JWK Set")
        if not table.claims:
            yield Problem(f"{place}.claims", "no claim is accepted from this source", "list one, or remove the table")
        for i, name in enumerate(table.claims):
            if name in OF_PROVIDER:
                yield Problem(f"{place}.claims[{i}]", "only the provider says this", "remove it")
        for i, host in enumerate(table.hosts):
            if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host):
                yield Problem(f"{place}.hosts[{i}]", "this is no host name", 'write such as "claims.example"')
        listed = table.algorithms
        if not listed:
            yield Problem(f"{place}.algorithms", "no algorithm is listed", 'list one, such as ["ES256"]')
        yield from _known((f"{place}.algorithms[{i}]" for i in range(len(listed))), listed, UPSTREAM_ALGORITHMS)


OF_PROVIDER: Final = frozenset(
    {"sub", "iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "acr", "amr", "auth_time", "vot", "vtm", "sid"}
    | {"act", "at_hash", "c_hash", "_claim_names", "_claim_sources"}
)
"""Claims about the sign-in itself, which no other party can say."""


def _known(paths: Iterable[str], values: Iterable[str], known: Collection[str]) -> Iterator[Problem]:
    for path, value in zip(paths, values, strict=False):
        if value not in known:
            yield Problem(path, "not known", f"known are: {', '.join(sorted(known))}")


def _check_levels(config: OpenIdConfig) -> Iterator[Problem]:
    if not config.levels and config.acr_missing is None:
        yield Problem("levels", "no acr would have a level", 'write such as { "loa2" = "substantial" }')
    mapped = config.level_answer.compare is not LevelComparison.VECTOR
    for level, names in config.acr_values.items() if mapped else ():
        for name in names.split(" "):
            if config.levels.get(name, Level.LOW) < level or name not in config.levels:
                yield Problem(
                    f"acr_values.{level.name.lower()}",
                    "requests an acr that has a lower level in levels, or none",
                    "add it to levels, or request another",
                )


def _check_level_request(config: OpenIdConfig) -> Iterator[Problem]:
    asked = config.level_request
    if config.acr_values and (asked.values or asked.place is not LevelPlace.ACR_VALUES):
        yield Problem("level_request", "acr_values says already which level is requested", "write one of the two")
    if (asked.place is LevelPlace.PARAMETER) != bool(asked.parameter) or asked.parameter in RESERVED:
        fix = 'name a parameter of the provider for place = "parameter", and for no other place'
        yield Problem("level_request.parameter", "it does not fit the place, or the broker sets it", fix)
    for level, value in asked.values.items() if asked.place is LevelPlace.VTR else ():
        if not _is_list_of_texts(value):
            fix = "write a JSON array, such as '[\"Cl.Cm.P2\"]'"
            yield Problem(f"level_request.values.{level.name.lower()}", "this is not a vector of trust request", fix)
    if config.credential_answer is not None and not config.credential_levels:
        yield Problem("credential_levels", "no value would have a level", 'write such as { "Cl.Cm" = "substantial" }')
    if config.claims_request and not _is_object(config.claims_request):
        yield Problem("claims_request", "this is not a JSON object", """write such as '{"userinfo": {"name": null}}'""")


def _is_list_of_texts(text: str) -> bool:
    try:
        value = strict_json(text)
    except ValueError:
        return False
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _is_object(text: str) -> bool:
    try:
        value = strict_json(text)
    except ValueError:
        return False
    return isinstance(value, dict) and all(isinstance(one, dict) for one in value.values())


def _check_paths(config: OpenIdConfig) -> Iterator[Problem]:
    """Each path to a claim follows the grammar."""
    answers = [("level_answer", config.level_answer), ("credential_answer", config.credential_answer)]
    paths = {
        **{f"claim_map.{name}": path for name, path in config.claim_map.items()},
        **{f"address_map.{name}": path for name, path in config.address_map.items()},
        **{f"claim_checks.{path}": path for path in config.claim_checks},
        **{f"{name}.claim": answer.claim for name, answer in answers if answer is not None},
        **{f"acting.signs[{i}]": path for i, path in enumerate(config.acting.signs)},
        **{
            f"acting.{name}": path
            for name in ("id", "name", "scope", "person")
            if (path := getattr(config.acting, name)) is not None
        },
        "subject_claim": config.subject_claim,
    }
    if config.identity_token is not None:
        paths["identity_token.claim"] = config.identity_token.claim
    if config.return_code_claim is not None:
        paths["return_code_claim"] = config.return_code_claim
    for place, path in paths.items():
        try:
            compile_path(path)
        except InvalidPath as problem:
            yield Problem(place, f"this is not a path: {problem}", 'write such as "name", "a.b" or "a[current].b"')


def _check_rest(config: OpenIdConfig) -> Iterator[Problem]:
    if config.region is not None and config.region not in regions():
        yield Problem(
            "region", "this is not a country with telephone numbers", 'write its two capital letters, such as "GB"'
        )
    if "openid" not in config.scopes:
        yield Problem("scopes", "openid is missing", 'add "openid"')
    for name in sorted(RESERVED & config.parameters.keys()):
        yield Problem(f"parameters.{name}", "the broker sets this parameter", "remove it")
    if not config.reauthentication:
        yield Problem(
            "reauthentication",
            "no parameter that requests a new authentication is listed",
            'list one, such as ["max_age"]',
        )
    kept = config.end_session and config.logout.kind is LogoutKind.END_SESSION
    if NewSignIn.ID_TOKEN_HINT in config.reauthentication and not kept:
        fix = 'set end_session = true and logout.kind = "end_session", or request it otherwise'
        yield Problem("reauthentication", "the ID token of a session is stored only for its logout", fix)
    if not config.algorithms:
        yield Problem("algorithms", "no algorithm is listed", 'list one, such as ["ES256"]')
    yield from _known(
        (f"algorithms[{i}]" for i in range(len(config.algorithms))), config.algorithms, UPSTREAM_ALGORITHMS
    )
    for name in config.identifiers.keys() - config.claim_map.keys():
        yield Problem(f"identifiers.{name}", "the claim is missing in claim_map", "add it to claim_map")
    for i, name in enumerate(config.subject_anchor):
        if name not in config.claim_map:
            yield Problem(f"subject_anchor[{i}]", "the claim is missing in claim_map", "add it to claim_map")
        if name != "birthdate" and name not in config.identifiers:
            fix = "name birthdate, or a claim that is listed in identifiers"
            yield Problem(f"subject_anchor[{i}]", "this claim may change for a person", fix)
    for i, name in enumerate(config.required_claims):
        if name not in config.claim_map:
            yield Problem(f"required_claims[{i}]", "the claim is missing in claim_map", "add it to claim_map")
