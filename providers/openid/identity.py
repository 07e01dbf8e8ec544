"""Conversion of verified claims to an identity: the level of assurance, the claims under the broker's names, their
verification."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from broker.model.assurance import (
    EvidenceType,
    Level,
    Verification,
    VerificationCapabilities,
    VerificationCheck,
    VerificationEvidence,
)
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.normalize.claims import PROVEN_BY, read_claim
from broker.normalize.dates import numeric_date
from broker.provider import ProviderInfo
from providers.openid.config import OpenIdConfig
from providers.openid.describe import describe_identifier
from providers.openid.errors import UpstreamError, UpstreamFault

MAX_METHODS: Final = 10

RECORD: Final = "identity_provider"
METHOD: Final = "auth"
"""The type of the evidence record, and its check method."""


@dataclass(frozen=True, slots=True)
class MappedClaims:
    """The claims of one document under the broker's names, normalized, and the names of malformed ones."""

    claims: JsonObject
    malformed: frozenset[str]


def make_identity(
    card: ProviderInfo,
    config: OpenIdConfig,
    id_token: JsonObject,
    userinfo: JsonObject,
    now: int,
    malformed: Callable[[str], None],
) -> Identity:
    """The identity described by a validated ID token and a userinfo response about the same subject.

    If both contain a claim, the userinfo response's value is used if it is valid; a null, empty or malformed one there
    does not remove that of the ID token (OpenID Connect Core 5.3.2). `malformed` is called with the broker's name of
    each malformed claim that is left out. Raises UpstreamError if a required claim is missing or blank.
    """
    check_values(config.claim_checks, id_token, userinfo)
    level = level_reached(id_token.get("acr"), config, card.max_level)
    signed, unsigned = (map_claims(given, config.claim_map, config.region) for given in (id_token, userinfo))
    claims = merge(signed.claims, unsigned.claims)
    odd = sorted(signed.malformed | unsigned.malformed)
    for name in odd:
        malformed(name)
    missing = [f"{name} (malformed)" if name in odd else name for name in config.required_claims if name not in claims]
    if missing:
        raise UpstreamError(UpstreamFault.CLAIMS_MISSING, f"claims missing: {', '.join(missing)}")
    return Identity(
        provider=card.id,
        issuer=config.issuer,
        subject=str(id_token["sub"]),
        level=level,
        amr=methods(id_token.get("amr")),
        auth_time=int(numeric_date(id_token.get("auth_time")) or numeric_date(id_token["iat"]) or now),
        claims=claims,
        verification=verification(config, level, claims, now),
    )


def check_values(checks: Mapping[str, tuple[str, ...]], id_token: JsonObject, userinfo: JsonObject) -> None:
    """Each of these claims of the provider is there with a permitted value. Raises UpstreamError.

    The value in the ID token counts, if there is one.
    """
    for path, permitted in checks.items():
        found = _at(id_token, path)
        found = _at(userinfo, path) if found is None else found
        if found not in permitted:
            raise UpstreamError(
                UpstreamFault.CLAIM_NOT_ALLOWED, f"{path} {describe_identifier(found)} is not permitted"
            )


def level_reached(acr: object, config: OpenIdConfig, highest: Level) -> Level:
    """The level of an `acr`, at most the provider's registered level. Raises UpstreamError.

    A missing `acr` is an incomplete response unless the configuration gives it a level; an unknown one is rejected.
    """
    if acr is None:
        if config.acr_missing is None:
            raise UpstreamError(UpstreamFault.LEVEL_MISSING, "acr is missing")
        return min(config.acr_missing, highest)
    level = config.levels.get(acr) if isinstance(acr, str) else None
    if level is None:
        raise UpstreamError(UpstreamFault.LEVEL_UNKNOWN, f"acr {describe_identifier(acr)} is not known")
    return min(level, highest)


def methods(amr: object) -> tuple[str, ...]:
    """The values of `amr` (RFC 8176); empty if it is not a list of short strings."""
    if not isinstance(amr, list) or not all(isinstance(word, str) and len(word) <= 64 for word in amr):
        return ()
    return tuple(amr[:MAX_METHODS])


def map_claims(given: JsonObject, claim_map: Mapping[str, str], region: str | None = None) -> MappedClaims:
    """The claims of a document under the broker's names, in the normal forms of `broker.normalize.claims`.

    `region` is the country of telephone numbers without a country code; None leaves such numbers out.
    """
    read = {
        ours: read_claim(ours, given[path] if path in given else _at(given, path), region)
        for ours, path in claim_map.items()
    }
    odd = frozenset(ours for ours, found in read.items() if found.malformed)
    claims = {ours: found.value for ours, found in read.items() if found.value is not None}
    for value, proof in PROVEN_BY.items():
        if value in odd:
            claims.pop(proof, None)
    return MappedClaims(claims, odd)


def merge(signed: JsonObject, userinfo: JsonObject) -> JsonObject:
    """Merges the claims of both documents; the userinfo response takes precedence.

    `email_verified` and `phone_number_verified` apply only to the value in the same document.
    """
    claims = {**signed, **userinfo}
    for value, proof in PROVEN_BY.items():
        if value not in claims:
            continue
        beside, other = (userinfo, signed) if value in userinfo else (signed, userinfo)
        said = beside.get(proof)
        if said is None and other.get(value) == claims[value]:
            said = other.get(proof)
        claims = {name: given for name, given in claims.items() if name != proof}
        if said is not None:
            claims[proof] = said
    return claims


def verification(config: OpenIdConfig, level: Level, claims: JsonObject, now: int) -> Verification | None:
    """The verification of the identity in the terms of OpenID Identity Assurance Schema Definition 1.0.

    One electronic record at the provider, which the citizen accessed by signing in there (check method `auth`).
    """
    verified = tuple(name for name in config.verified_claims if name in claims)
    if config.trust_framework is None or not verified:
        return None
    source = config.organization or config.issuer
    return Verification(
        trust_framework=config.trust_framework,
        level=level,
        time=now,
        claims=verified,
        policy=config.policy,
        procedure=config.procedure,
        evidence=(
            VerificationEvidence(
                type=EvidenceType.ELECTRONIC_RECORD,
                checks=(VerificationCheck(check_method=METHOD, organization=source, time=now),),
                details={"type": RECORD, "source": {"name": source}},
            ),
        ),
    )


def verifiable(config: OpenIdConfig) -> VerificationCapabilities | None:
    """What `verification` can contain with this configuration, for any citizen."""
    claims = frozenset(config.verified_claims) & config.claim_map.keys()
    if config.trust_framework is None or not claims:
        return None
    return VerificationCapabilities(
        frameworks=frozenset({config.trust_framework}),
        claims=claims,
        kinds={EvidenceType.ELECTRONIC_RECORD: frozenset({RECORD})},
        methods=frozenset({METHOD}),
    )


def _at(given: JsonObject, path: str) -> object:
    """The value at a path of names separated by dots."""
    value: object = given
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value
