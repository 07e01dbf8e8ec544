"""Checks of each service alone, in the context of the broker."""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from difflib import get_close_matches
from typing import Final
from urllib.parse import unquote

from broker.crypto.jose import InvalidToken, distinguished_name, ip_address, parse_keys
from broker.model.account import ACCOUNT_SERVICE
from broker.model.claims import CLAIMS, REGISTERED_CLAIMS
from broker.model.service import (
    BindingMethod,
    CibaDeliveryMode,
    ClientAuthentication,
    SecurityProfile,
    Service,
    ServiceCredentials,
    SubjectType,
    TlsSubject,
)
from broker.platform.toml_loader import Problem, suggestion
from broker.settings.check_context import CheckContext
from broker.settings.check_jose import check_encryption, check_signatures
from broker.settings.check_own_rights import check_desk, check_own_scopes
from broker.settings.texts import check_texts
from broker.settings.urls import check_native_url, check_origin, check_url, is_loopback, origin, split

BY_SECRET: Final = (ClientAuthentication.CLIENT_SECRET_BASIC, ClientAuthentication.CLIENT_SECRET_POST)
BY_KEYS: Final = (ClientAuthentication.PRIVATE_KEY_JWT, ClientAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH)
BY_CERTIFICATE: Final = (ClientAuthentication.TLS_CLIENT_AUTH, ClientAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH)
NAME_FIXES: Final = {
    "dn": 'write it as RFC 4514 does: "CN=tax.example,O=Tax Office,C=GB"',
    "san_ip": 'write an address such as "192.0.2.7"',
}
SCOPES: Final = ("openid", *CLAIMS)
DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def check_id(service: Service, _context: CheckContext) -> Iterator[Problem]:
    """Checks the client id: 1 to 128 visible ASCII characters (RFC 6749 A.1), safe in logs; and the sector likewise."""
    if not re.fullmatch(r"[!-~]*", service.client_id):
        yield Problem(
            "client_id", "only visible ASCII characters can stand in it", "choose letters, digits and hyphens"
        )
    if not 1 <= len(service.client_id) <= 128:
        yield Problem("client_id", "it must have 1 to 128 characters", "choose another")
    if service.client_id == ACCOUNT_SERVICE:
        yield Problem("client_id", "this id is reserved for the citizens' own pages", "choose another")
    if service.subject_type is SubjectType.PAIRWISE and not re.fullmatch(r"[!-~]{1,255}", service.sector):
        yield Problem("sector", "only visible ASCII characters can stand in it", "write a host of yours")


def check_addresses(service: Service, context: CheckContext) -> Iterator[Problem]:
    """Checks every URL of the service."""
    if not service.redirect_uris:
        yield Problem("redirect_uris", "no redirect URI is listed, so no response can be sent", "name at least one")
    for name, uris in returns(service):
        for i, uri in enumerate(uris):
            check = check_native_url if service.is_public else check_url
            yield from check(f"{name}[{i}]", uri, development=context.development)
            if uri in uris[:i]:
                yield Problem(f"{name}[{i}]", "the URL is listed twice", "remove it")
    yield from check_url("home", service.presentation.home, development=context.development)
    if service.presentation.privacy_notice is not None:
        yield from check_url("privacy_notice", service.presentation.privacy_notice, development=context.development)
    for name, url in (
        ("initiate_login_uri", service.resumption.initiate_login_uri),
        ("resume_uri", service.resumption.resume_uri),
        ("jwks_uri", service.credentials.jwks_uri),
        ("backchannel_logout_uri", service.logout.backchannel_uri),
        ("frontchannel_logout_uri", service.logout.frontchannel_uri),
    ):
        if url is not None:
            yield from check_url(name, url, development=context.development)
    if service.credentials.jwks_uri is not None and context.own(service.credentials.jwks_uri):
        yield Problem(
            "jwks_uri",
            "this is an address of the broker itself",
            "write the URL at which the service publishes its keys",
        )
    for i, way in enumerate(service.presentation.other_ways):
        if way.url is not None:
            yield from check_url(f"other_ways[{i}].url", way.url, development=context.development)


def returns(service: Service) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The URLs at which citizens return to the service, by setting."""
    yield "redirect_uris", service.redirect_uris
    yield "post_logout_redirect_uris", service.logout.redirect_uris


def check_redirects(service: Service, context: CheckContext) -> Iterator[Problem]:
    """Checks that redirect URIs are not the broker's own, and that their path has no dot segments (RFC 9700 4.1)."""
    for name, uris in returns(service):
        for i, uri in enumerate(uris):
            parts = split(uri)
            if parts is None or not parts.hostname:
                continue
            place = f"{name}[{i}]"
            if parts.scheme == "http" and context.development and not is_loopback(parts.hostname):
                yield Problem(place, "http to another machine", "use https, or a loopback address")
            if any(unquote(step) in (".", "..") for step in parts.path.split("/")):
                yield Problem(place, "the path contains a dot segment", "write it without . and ..")
            if context.own(uri):
                yield Problem(place, "this is an address of the broker itself", "write a URL of the service")


def check_contact(service: Service, context: CheckContext) -> Iterator[Problem]:
    """Checks that citizens who cannot use the service have a contact."""
    if not context.development and not (service.presentation.contact or "").strip():
        fix = "write a contact for citizens: an address, a telephone number"
        yield Problem("contact", "the contact is missing", fix)


def check_keys(service: Service, _context: CheckContext) -> Iterator[Problem]:
    """Checks that the keys have distinct `kid`s and an algorithm that the profile permits (FAPI 2.0 Security Profile
    5.4)."""
    if service.credentials.jwks is None:
        return
    try:
        keys = parse_keys(service.credentials.jwks).keys
    except InvalidToken:
        return
    for kid, same in keys.items():
        if kid is not None and len(same) > 1:
            yield Problem("jwks", f'{len(same)} keys have the kid "{kid}"', "give each key a different kid")
    if None in keys and sum(map(len, keys.values())) > 1:
        yield Problem("jwks", "one of several keys has no kid", "give each key a different kid")
    signs = (
        service.profile is SecurityProfile.FAPI2 and service.credentials.method is ClientAuthentication.PRIVATE_KEY_JWT
    )
    if signs and all(key.algorithms == {"RS256"} for same in keys.values() for key in same):
        fix = "add a key for ES256, PS256 or EdDSA"
        yield Problem("jwks", "every key is for RS256, which is not allowed in the fapi2 profile", fix)


def check_logout(service: Service, _context: CheckContext) -> Iterator[Problem]:
    """Checks that the front-channel logout URI has the origin of a redirect URI (OpenID Connect Front-Channel Logout
    1.0, 2)."""
    url = service.logout.frontchannel_uri
    if url is None or origin(url) is None:
        return
    if origin(url) not in {origin(uri) for uri in service.redirect_uris}:
        fix = "use the scheme, host and port of one of the redirect_uris"
        yield Problem("frontchannel_logout_uri", "no redirect URI has this origin", fix)


def check_texts_of(service: Service, context: CheckContext) -> Iterator[Problem]:
    """Checks the names, and the reason of every claim, in every language: citizens read the reasons before consent."""
    yield from check_texts("names", service.presentation.names, context.languages)
    seen: set[str] = set()
    for i, use in enumerate(service.claim_purposes):
        yield from check_texts(f"claims[{i}].reason", use.reason, context.languages)
        if use.claim in seen:
            yield Problem(f"claims[{i}].claim", f'"{use.claim}" is listed twice', "keep one entry, with one reason")
        seen.add(use.claim)
        if not re.fullmatch(r"[!-~]{1,128}", use.claim):
            yield Problem(
                f"claims[{i}].claim", "this is not a valid claim name", f"known are: {', '.join(REGISTERED_CLAIMS)}"
            )
        elif use.claim not in REGISTERED_CLAIMS and (
            near := get_close_matches(use.claim, REGISTERED_CLAIMS, n=1, cutoff=0.75)
        ):
            yield Problem(f"claims[{i}].claim", f'"{use.claim}" is not known', f'did you mean "{near[0]}"?')
    for i, way in enumerate(service.presentation.other_ways):
        yield from check_texts(f"other_ways[{i}].text", way.text, context.languages)


def check_profile(service: Service, _context: CheckContext) -> Iterator[Problem]:
    """Checks the requirements of the security profile (FAPI 2.0 Security Profile 5.3.2)."""
    if service.profile is SecurityProfile.FAPI2:
        if service.credentials.method not in (*BY_KEYS, *BY_CERTIFICATE):
            fix = 'use private_key_jwt or a certificate, or profile = "oidc" if the service cannot'
            yield Problem("authentication", "the fapi2 profile requires a key or a certificate", fix)
        if not service.pkce_required:
            yield Problem("pkce_required", "the fapi2 profile requires PKCE", "remove the line")


def check_origins(service: Service, context: CheckContext) -> Iterator[Problem]:
    """Checks CORS origins, in the form that browsers send (RFC 6454 6.2)."""
    if service.cors_origins and service.profile is SecurityProfile.FAPI2:
        fix = 'remove it, or write profile = "oidc"'
        yield Problem("cors_origins", "the fapi2 profile does not permit CORS", fix)
    for i, listed in enumerate(service.cors_origins):
        place = f"cors_origins[{i}]"
        yield from check_origin(place, listed, development=context.development)
        if listed in service.cors_origins[:i]:
            yield Problem(place, "the origin is listed twice", "remove it")
        parts, known = split(listed), origin(listed)
        if parts is None or known is None:
            continue
        usual = "" if known[2] == DEFAULT_PORTS[known[0]] else f":{known[2]}"
        host = parts.netloc.rpartition("@")[2].lower().rpartition(":")[0] if parts.port else parts.netloc.lower()
        browser_form = f"{known[0]}://{host}{usual}"
        if listed == f"{parts.scheme}://{parts.netloc}" and listed != browser_form:
            yield Problem(place, "browsers write this origin differently", f'write "{browser_form}"')
        if known[0] == "http" and context.development and not is_loopback(known[1]):
            yield Problem(place, "http to another machine", "use https, or a loopback address")


def check_app(service: Service, _context: CheckContext) -> Iterator[Problem]:
    """Checks public clients (apps), which any other app can impersonate (RFC 8252, RFC 9700 2.1.1)."""
    if not service.tokens.sender_constrained:
        if service.profile is SecurityProfile.FAPI2:
            fix = 'remove the line, or write profile = "oidc"'
            yield Problem("sender_constrained", "the fapi2 profile has no bearer tokens", fix)
        elif not service.is_public:
            fix = "remove the line: tokens of other services are bound only if binding is set"
            yield Problem("sender_constrained", 'it is only for apps: authentication = "none"', fix)
        elif service.tokens.binding is not None:
            yield Problem("sender_constrained", "it contradicts binding", "keep one of the two")
    if not service.is_public:
        return
    if not service.pkce_required:
        yield Problem("pkce_required", "an app always uses PKCE", "remove the line")
    if service.tokens.binding is BindingMethod.MTLS:
        yield Problem("binding", "an app has no certificate", "remove the line: its tokens are bound by DPoP")
    if service.tokens.introspection:
        yield Problem("introspection", "an app does not authenticate, so it may not introspect", "remove the line")
    if service.ciba.mode is not None:
        yield Problem("ciba", "an app does not authenticate, so it may not use CIBA", "remove the line")


def check_certificate(service: Service, context: CheckContext) -> Iterator[Problem]:
    """Checks that a proxy passes certificates on, if the service authenticates or binds tokens with one."""
    by_certificate = service.credentials.method in BY_CERTIFICATE
    if (by_certificate or service.tokens.binding is BindingMethod.MTLS) and not context.certificates:
        fix = "list the reverse proxy in broker.toml: [client_certificates] trusted_proxies"
        place = "authentication" if by_certificate else "binding"
        yield Problem(place, "no reverse proxy is trusted to pass certificates on", fix)
    if service.credentials.method is ClientAuthentication.TLS_CLIENT_AUTH and not context.authorities:
        fix = "name the file in broker.toml: [client_certificates] ca_file"
        yield Problem("authentication", "no certificate authority is trusted for services", fix)


def check_tls_subject(credentials: ServiceCredentials) -> Iterator[Problem]:
    """Checks for exactly one subject name with tls_client_auth, and none otherwise (RFC 8705 2.1.2)."""
    subject = credentials.tls_subject
    if credentials.method is not ClientAuthentication.TLS_CLIENT_AUTH:
        if subject is not None:
            yield Problem("tls_subject", f"{credentials.method} uses no subject name", "remove it")
        return
    given = {} if subject is None else {f.name: getattr(subject, f.name) for f in fields(TlsSubject)}
    named = {name: value for name, value in given.items() if value is not None}
    if len(named) != 1:
        fix = f"write one of {', '.join(f.name for f in fields(TlsSubject))}"
        yield Problem("tls_subject", "tls_client_auth needs exactly one name", fix)
    for name, value in named.items():
        if not readable_name(name, value):
            yield Problem(
                f"tls_subject.{name}",
                "a certificate cannot contain this name",
                NAME_FIXES.get(name, "write it as in the certificate"),
            )


def readable_name(kind: str, value: str) -> bool:
    """Whether a certificate can contain this name."""
    try:
        if kind == "dn":
            distinguished_name(value)
        elif kind == "san_ip":
            ip_address(value)
    except ValueError:
        return False
    return bool(value.strip())


def check_ciba(service: Service, context: CheckContext) -> Iterator[Problem]:
    """Checks the settings of CIBA (CIBA Core 1.0, 4, 7.1)."""
    uri = service.ciba.notification_uri
    if service.ciba.mode is CibaDeliveryMode.PING and uri is None:
        yield Problem(
            "ciba_notification_uri",
            'ciba = "ping" needs a notification endpoint',
            'add its URL, or write ciba = "poll"',
        )
    if uri is not None:
        if service.ciba.mode is not CibaDeliveryMode.PING:
            fix = 'remove it, or write ciba = "ping"'
            yield Problem("ciba_notification_uri", "the URL is not used", fix)
        yield from check_url("ciba_notification_uri", uri, development=context.development)
    if service.ciba.mode is None and service.ciba.request_signed:
        yield Problem("ciba_request_signed", "the service does not use CIBA", 'remove it, or add ciba = "poll"')


def check_credential(written: Service) -> Iterator[Problem]:
    """Checks that the credential of the authentication method is configured, and no other. `written` is as in its
    file."""
    named = written.credentials
    has_keys = named.jwks is not None or named.jwks_file is not None or named.jwks_uri is not None
    has_secret = named.secret_digest is not None or named.secret_file is not None
    fix = "add jwks, jwks_file or jwks_uri"
    yield from check_tls_subject(named)
    if named.method in BY_KEYS and not has_keys:
        yield Problem("jwks", f"{named.method} needs the service's public keys", fix)
    elif written.request_object_required and not has_keys:
        yield Problem("jwks", "signed requests need the service's public keys", fix)
    elif written.ciba.mode is not None and written.requires_signed_ciba_request and not has_keys:
        yield Problem("jwks", "signed backchannel authentication requests need the service's public keys", fix)
    if named.method not in BY_SECRET:
        if has_secret:
            name = "secret_file" if named.secret_file is not None else "secret_digest"
            yield Problem(name, "the secret is not used", f"remove it: {named.method} needs none")
    elif not has_secret:
        fix = "add secret_file with the path of a file that holds it, or secret_digest"
        yield Problem("secret_file", f"{named.method} needs a secret", fix)
    if named.jwks_uri is not None and (named.jwks is not None or named.jwks_file is not None):
        name = "jwks" if named.jwks is not None else "jwks_file"
        yield Problem("jwks_uri", f"{name} is set too", "keep one of the two")


def check_scopes(service: Service, _context: CheckContext) -> Iterator[Problem]:
    """Checks that the scopes exist and include `openid`."""
    for i, scope in enumerate(service.scopes):
        if scope == "offline_access":
            yield Problem(f"scopes[{i}]", "refresh tokens have a separate setting", "write refresh = true instead")
        elif scope not in SCOPES:
            yield Problem(f"scopes[{i}]", "no such scope", suggestion(scope, dict.fromkeys(SCOPES)))
        elif scope in CLAIMS and service.claims.isdisjoint(CLAIMS[scope]):
            fix = f"remove it, or list in claims those you need of {', '.join(CLAIMS[scope])}"
            yield Problem(f"scopes[{i}]", f'"{scope}" releases nothing, since claims lists none of its claims', fix)
    if "openid" not in service.scopes:
        yield Problem("scopes", "openid is missing", 'add "openid"')


CHECKS: Final[tuple[Callable[[Service, CheckContext], Iterator[Problem]], ...]] = (
    check_id,
    check_addresses,
    check_redirects,
    check_contact,
    check_keys,
    check_logout,
    check_texts_of,
    check_profile,
    check_signatures,
    check_encryption,
    check_app,
    check_origins,
    check_certificate,
    check_ciba,
    check_scopes,
    check_own_scopes,
    check_desk,
)
"""Checks of each service alone."""
