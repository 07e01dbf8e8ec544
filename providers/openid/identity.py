"""From verified claims to an identity: the level reached, the claims under our names, how they were verified."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from broker.model.assurance import (
    EvidenceType,
    Level,
    Verification,
    VerificationCapabilities,
    VerificationCheck,
    VerificationEvidence,
)
from broker.model.identity import Identity
from broker.normalize.claims import PROVEN_BY, read_claim
from broker.provider import ProviderInfo
from providers.openid.config import OpenIdConfig
from providers.openid.describe import describe_identifier
from providers.openid.errors import UpstreamError, UpstreamFault

MAX_METHODS: Final = 10

RECORD: Final = "identity_provider"
METHOD: Final = "auth"
"""The type of the one record, and how it was checked."""


@dataclass(frozen=True, slots=True)
class MappedClaims:
    """The claims of one document under our names, in normal form, and the names of those that are malformed in it."""

    claims: Mapping[str, Any]
    malformed: frozenset[str]


def make_identity(
    card: ProviderInfo,
    config: OpenIdConfig,
    id_token: Mapping[str, Any],
    userinfo: Mapping[str, Any],
    now: int,
    malformed: Callable[[str], None],
) -> Identity:
    """The identity that a checked ID token and a userinfo answer about the same subject describe.

    Of a claim in both, the userinfo answer's counts if it can be read; one that is null, empty or malformed there takes
    nothing away from the ID token (OpenID Connect Core 5.3.2). `malformed` is called with our name of each claim that
    came in a form that is left out. Raises UpstreamError if a required claim is missing, which a blank one is.
    """
    level = level_reached(id_token.get("acr"), config, card.max_level)
    signed, told = (map_claims(given, config.claim_map, config.region) for given in (id_token, userinfo))
    claims = merge(signed.claims, told.claims)
    odd = sorted(signed.malformed | told.malformed)
    for name in odd:
        malformed(name)
    missing = [f"{name} (malformed)" if name in odd else name for name in config.required_claims if name not in claims]
    if missing:
        raise UpstreamError(UpstreamFault.CLAIMS_MISSING, f"claims missing: {', '.join(missing)}")
    return Identity(
        provider=card.id,
        issuer=config.issuer,
        subject=id_token["sub"],
        level=level,
        amr=methods(id_token.get("amr")),
        auth_time=int(id_token.get("auth_time") or id_token["iat"]),
        claims=claims,
        verification=verification(config, level, claims, now),
    )


def level_reached(acr: object, config: OpenIdConfig, highest: Level) -> Level:
    """What an `acr` is worth here, never above what the provider is registered for. Raises UpstreamError.

    A missing one is an incomplete reply unless the configuration says what it is worth; an unknown one is worth
    nothing.
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
    """The words of `amr` (RFC 8176); nothing where it is not a list of short texts."""
    if not isinstance(amr, list) or not all(isinstance(word, str) and len(word) <= 64 for word in amr):
        return ()
    return tuple(amr[:MAX_METHODS])


def map_claims(given: Mapping[str, Any], claim_map: Mapping[str, str], region: str | None = None) -> MappedClaims:
    """The claims of a document under our names, in the normal forms of `broker.normalize.claims`.

    `region` is the country in which telephone numbers without a country code are read; None leaves them out.
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


def merge(signed: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims of both documents; of one in both, what was told at userinfo.

    That an address or number was verified is believed only of the value beside which it was said.
    """
    claims = {**signed, **told}
    for value, proof in PROVEN_BY.items():
        if value not in claims:
            continue
        beside, other = (told, signed) if value in told else (signed, told)
        said = beside.get(proof)
        if said is None and other.get(value) == claims[value]:
            said = other.get(proof)
        claims = {name: given for name, given in claims.items() if name != proof}
        if said is not None:
            claims[proof] = said
    return claims


def verification(config: OpenIdConfig, level: Level, claims: Mapping[str, Any], now: int) -> Verification | None:
    """What the provider's word is worth, in the terms of OpenID Identity Assurance Schema Definition 1.0.

    One electronic record at the provider, which the citizen opened by signing in there (check method `auth`).
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
    """What `verification` can say with this configuration, whoever signs in."""
    claims = frozenset(config.verified_claims) & config.claim_map.keys()
    if config.trust_framework is None or not claims:
        return None
    return VerificationCapabilities(
        frameworks=frozenset({config.trust_framework}),
        claims=claims,
        kinds={EvidenceType.ELECTRONIC_RECORD: frozenset({RECORD})},
        methods=frozenset({METHOD}),
    )


def _at(given: Mapping[str, Any], path: str) -> Any:
    """The value under names joined by dots."""
    value: Any = given
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value
