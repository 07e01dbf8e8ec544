"""From verified claims to an identity: the level reached, the claims under our names, how they were verified."""

from collections.abc import Mapping
from typing import Any, Final

from broker.model.assurance import Check, Evidence, EvidenceType, Level, Verifiable, Verification
from broker.model.identity import Identity
from broker.provider import Card
from providers.openid.config import OpenIdConfig
from providers.openid.describe import describe_identifier
from providers.openid.refused import Fault, Refused

MAX_TEXT: Final = 1000
MAX_MEMBERS: Final = 20
MAX_METHODS: Final = 10

RECORD: Final = "identity_provider"
METHOD: Final = "auth"
"""The type of the one record, and how it was checked."""


def make_identity(
    card: Card, config: OpenIdConfig, id_token: Mapping[str, Any], userinfo: Mapping[str, Any], now: int
) -> Identity:
    """The identity that a checked ID token and a userinfo answer about the same subject describe.

    Of a claim in both, the userinfo answer's counts. Raises Refused.
    """
    level = level_reached(id_token.get("acr"), config, card.highest)
    claims = map_claims({**id_token, **userinfo}, config.claim_map)
    missing = [name for name in config.required_claims if name not in claims]
    if missing:
        raise Refused(Fault.CLAIMS_MISSING, f"claims missing: {', '.join(missing)}")
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
    """What an `acr` is worth here, never above what the provider is registered for. Raises Refused.

    A missing one is an incomplete reply unless the configuration says what it is worth; an unknown one is worth
    nothing.
    """
    if acr is None:
        if config.acr_missing is None:
            raise Refused(Fault.LEVEL_MISSING, "acr is missing")
        return min(config.acr_missing, highest)
    level = config.levels.get(acr) if isinstance(acr, str) else None
    if level is None:
        raise Refused(Fault.LEVEL_UNKNOWN, f"acr {describe_identifier(acr)} is not known")
    return min(level, highest)


def methods(amr: object) -> tuple[str, ...]:
    """The words of `amr` (RFC 8176); nothing where it is not a list of short texts."""
    if not isinstance(amr, list) or not all(isinstance(word, str) and len(word) <= 64 for word in amr):
        return ()
    return tuple(amr[:MAX_METHODS])


def map_claims(given: Mapping[str, Any], claim_map: Mapping[str, str]) -> Mapping[str, Any]:
    """The claims under our names. One that is absent, empty, too large or of a shape no claim here has is left out."""
    found = ((ours, given[path] if path in given else _at(given, path)) for ours, path in claim_map.items())
    return {ours: value for ours, value in found if _fits(value)}


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
            Evidence(
                type=EvidenceType.ELECTRONIC_RECORD,
                checks=(Check(check_method=METHOD, organization=source, time=now),),
                details={"type": RECORD, "source": {"name": source}},
            ),
        ),
    )


def verifiable(config: OpenIdConfig) -> Verifiable | None:
    """What `verification` can say with this configuration, whoever signs in."""
    claims = frozenset(config.verified_claims) & config.claim_map.keys()
    if config.trust_framework is None or not claims:
        return None
    return Verifiable(
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


def _fits(value: Any) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= MAX_TEXT
    if isinstance(value, dict):
        return 0 < len(value) <= MAX_MEMBERS and all(isinstance(one, str) and _fits(one) for one in value.values())
    return isinstance(value, int)
