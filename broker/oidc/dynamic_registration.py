"""Dynamic client registration: metadata from and to services (RFC 7591, RFC 7592).

OpenID Connect Dynamic Client Registration 1.0 has the same metadata. They are converted to the settings of a service's
file, so that both pass the same checks. Unknown metadata are ignored, and the response lists what was accepted (RFC
7591 2).
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from broker.model.claims import CLAIMS
from broker.model.json_types import JsonObject
from broker.model.languages import member
from broker.model.service import (
    BindingMethod,
    ClaimPurpose,
    ClientAuthentication,
    SecurityProfile,
    Service,
    ServiceCredentials,
    ServicePresentation,
    ServiceTokens,
)
from broker.oidc.errors import EndpointError
from broker.oidc.scopes import OFFLINE_ACCESS, OPENID, claims_of
from broker.oidc.token_request import GrantType

FIELDS: Final = {
    "redirect_uris": "redirect_uris",
    "post_logout_redirect_uris": "post_logout_redirect_uris",
    "token_endpoint_auth_method": "authentication",
    "jwks": "jwks",
    "jwks_uri": "jwks_uri",
    "subject_type": "subject_type",
    "id_token_signed_response_alg": "id_token_alg",
    "require_signed_request_object": "request_object_required",
    "initiate_login_uri": "initiate_login_uri",
    "backchannel_logout_uri": "backchannel_logout_uri",
    "frontchannel_logout_uri": "frontchannel_logout_uri",
}
"""Settings of a service's file by the metadata with the same meaning."""

_NAMED: Final = {
    **{field: member for member, field in FIELDS.items()},
    "home": "client_uri",
    "names": "client_name",
    "scopes": "scope",
    "claims": "scope",
}
"""Metadata names by setting, so that an error names what the service sent."""

NO_REASON: Final = {
    "en": "This service registered itself to be tried out, and gave no reason",
    "cy": "Cofrestrodd y gwasanaeth hwn ei hun i'w dreialu, ac ni roddodd reswm",
    "ar": "سُجلت هذه الخدمة ذاتيًا للتجربة دون ذكر سبب",
}
"""The reason, by language, of a claim of a service that registered itself."""

_UNTELLABLE: Final = re.compile(r"[^ !#-\[\]-~]")
"""Characters not allowed in an error description (RFC 6749 5.2)."""

_LONGEST: Final = 200
"""Maximum length of an error description in characters."""

_KEYED: Final = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
"""Authentication methods of FAPI 2.0."""


def to_client_settings(metadata: JsonObject, languages: Sequence[str]) -> dict[str, object]:
    """Converts metadata to the settings of a service's file. The file checks validate the values. Raises
    EndpointError.
    """
    _check_flow(metadata)
    name, home, profile = metadata.get("client_name"), _home(metadata), _profile(metadata)
    scope = _scope(metadata)
    file = {field: metadata[member] for member, field in FIELDS.items() if metadata.get(member) is not None}
    file = {
        "authentication": ClientAuthentication.CLIENT_SECRET_BASIC.value,
        "id_token_alg": "ES256" if profile is SecurityProfile.FAPI2 else "RS256",
        **file,
        "names": {code: member(metadata, "client_name", code) or name or _host(home) for code in languages},
        "home": home,
        "profile": profile.value,
        "scopes": [word for word in scope if word != OFFLINE_ACCESS],
        "claims": [
            {"claim": claim, "reason": {code: NO_REASON[code] for code in languages}}
            for claim in dict.fromkeys(claims_of(tuple(scope)))
        ],
        "refresh": OFFLINE_ACCESS in scope or GrantType.REFRESH.value in _grants(metadata),
        **_binding(metadata),
    }
    contacts = metadata.get("contacts")
    if isinstance(contacts, list) and contacts and isinstance(contacts[0], str):
        file["contact"] = contacts[0]
    return file


def client_metadata(service: Service) -> dict[str, object]:
    """Metadata of a registered service (RFC 7591 3.2.1). They do not contain the secret, since only its hash
    is stored.
    """
    metadata: dict[str, object] = {
        "client_id": service.client_id,
        "client_name": next(iter(service.presentation.names.values())),
        **{f"client_name#{code}": name for code, name in service.presentation.names.items()},
        "client_uri": service.presentation.home,
        "redirect_uris": list(service.redirect_uris),
        "post_logout_redirect_uris": list(service.logout.redirect_uris),
        "token_endpoint_auth_method": service.credentials.method.value,
        "grant_types": [GrantType.CODE.value, *([GrantType.REFRESH.value] if service.tokens.refresh else [])],
        "response_types": ["code"],
        "scope": " ".join([*service.scopes, *([OFFLINE_ACCESS] if service.tokens.refresh else [])]),
        "subject_type": service.subject_type.value,
        "id_token_signed_response_alg": service.signing.id_token_alg,
        "require_signed_request_object": service.request_object_required,
        "require_pushed_authorization_requests": service.profile is SecurityProfile.FAPI2,
        "dpop_bound_access_tokens": service.token_binding is BindingMethod.DPOP,
        "tls_client_certificate_bound_access_tokens": service.tokens.binding is BindingMethod.MTLS,
        "jwks": service.credentials.jwks,
        "jwks_uri": service.credentials.jwks_uri,
        "initiate_login_uri": service.resumption.initiate_login_uri,
        "backchannel_logout_uri": service.logout.backchannel_uri,
        "frontchannel_logout_uri": service.logout.frontchannel_uri,
        "contacts": None if service.presentation.contact is None else [service.presentation.contact],
    }
    return {member: value for member, value in metadata.items() if value is not None}


def registrable() -> Sequence[Service]:
    """One example of each kind of service that can register, for the discovery document."""
    ways = (
        ClientAuthentication.CLIENT_SECRET_BASIC,
        ClientAuthentication.CLIENT_SECRET_POST,
        ClientAuthentication.PRIVATE_KEY_JWT,
        ClientAuthentication.NONE,
    )
    return [
        Service(
            client_id="",
            presentation=ServicePresentation(names={}, home=""),
            redirect_uris=(),
            profile=SecurityProfile.OIDC,
            credentials=ServiceCredentials(method=way),
            scopes=(OPENID, *CLAIMS),
            claim_purposes=tuple(ClaimPurpose(claim, {}) for claim in claims_of(tuple(CLAIMS))),
            tokens=ServiceTokens(refresh=True),
        )
        for way in ways
    ]


def invalid_metadata(place: str, what: str) -> EndpointError:
    """Error for invalid metadata (RFC 7591 3.2.2). `place` is the setting of the file."""
    field, inner = place[: (end := _end(place))], place[end:]
    member = _NAMED.get(field, field)
    code = "invalid_redirect_uri" if member == "redirect_uris" else "invalid_client_metadata"
    said = f"{member}{inner}: {what}".replace('"', "'")
    return EndpointError(code, _UNTELLABLE.sub("?", said)[:_LONGEST])


def _end(place: str) -> int:
    """End of the setting's name in a place such as `redirect_uris[0]`."""
    return next((at for at, letter in enumerate(place) if letter in "[."), len(place))


def _check_flow(metadata: JsonObject) -> None:
    """Rejects metadata that need another flow, or a fetch of a sector identifier document."""
    if metadata.get("response_types", ["code"]) != ["code"]:
        raise invalid_metadata("response_types", "code is the only response type")
    if GrantType.CODE.value not in _grants(metadata):
        raise invalid_metadata("grant_types", "authorization_code must be among them")
    if "sector_identifier_uri" in metadata:
        raise invalid_metadata(
            "sector_identifier_uri", "not read here: a service that registers has a sector of its own"
        )
    if metadata.get("subject_type", "pairwise") != "pairwise":
        raise invalid_metadata("subject_type", "a service that registers has subjects of its own: pairwise")
    initiate = metadata.get("initiate_login_uri", "https:")
    if not isinstance(initiate, str) or not initiate.startswith("https:"):
        raise invalid_metadata("initiate_login_uri", "an https URL is needed")


def _grants(metadata: JsonObject) -> Sequence[object]:
    grants = metadata.get("grant_types", [GrantType.CODE.value])
    if not isinstance(grants, list):
        raise invalid_metadata("grant_types", "a list is needed")
    return grants


def _scope(metadata: JsonObject) -> list[str]:
    """Known values of the scope."""
    scope = metadata.get("scope", "openid profile email")
    if not isinstance(scope, str):
        raise invalid_metadata("scope", "a text is needed")
    known = (word for word in scope.split() if word in CLAIMS or word == OFFLINE_ACCESS)
    return list(dict.fromkeys([OPENID, *known]))


def _home(metadata: JsonObject) -> object:
    """Home page of the service: its `client_uri`, or else the origin of its first redirect URI."""
    if "client_uri" in metadata:
        return metadata["client_uri"]
    uris = metadata.get("redirect_uris")
    first = uris[0] if isinstance(uris, list) and uris and isinstance(uris[0], str) else ""
    try:
        parts = urlsplit(first)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}/"


def _host(home: object) -> str:
    try:
        host = urlsplit(home).hostname if isinstance(home, str) else None
    except ValueError:
        host = None
    return host or "a service"


def _profile(metadata: JsonObject) -> SecurityProfile:
    """Security profile: FAPI 2.0 if the metadata meet all its requirements."""
    bound = metadata.get("dpop_bound_access_tokens") or metadata.get("tls_client_certificate_bound_access_tokens")
    strict = metadata.get("require_pushed_authorization_requests") and bound
    return (
        SecurityProfile.FAPI2
        if strict and metadata.get("token_endpoint_auth_method") in _KEYED
        else SecurityProfile.OIDC
    )


def _binding(metadata: JsonObject) -> dict[str, str]:
    if metadata.get("dpop_bound_access_tokens"):
        return {"binding": BindingMethod.DPOP.value}
    return {"binding": BindingMethod.MTLS.value} if metadata.get("tls_client_certificate_bound_access_tokens") else {}
