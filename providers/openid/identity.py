"""Conversion of verified claims to an identity: the level of assurance, the claims under the broker's names, their
verification."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from broker.model.assurance import (
    EvidenceType,
    Level,
    Verification,
    VerificationCapabilities,
    VerificationCheck,
    VerificationEvidence,
)
from broker.model.identity import ACTING_FOR, ActingFor, Identity
from broker.model.json_types import JsonObject
from broker.normalize.claims import PROVEN_BY, read_claim
from broker.normalize.dates import numeric_date
from broker.normalize.identifiers import normalize_identifier
from broker.provider import ProviderInfo
from providers.openid.acting import ActingReader
from providers.openid.claim_paths import Reader, compile_path
from providers.openid.config import OpenIdConfig
from providers.openid.describe import describe_identifier
from providers.openid.documents import Documents, document_of
from providers.openid.errors import UpstreamError, UpstreamFault
from providers.openid.id_token_checks import is_subject
from providers.openid.levels import LevelReader

MAX_METHODS: Final = 10
MAX_SID: Final = 256

NO_MAP: Final[Mapping[str, str]] = MappingProxyType({})

NO_NAMES: Final[frozenset[str]] = frozenset()

RECORD: Final = "identity_provider"
METHOD: Final = "auth"
"""The type of the evidence record, and its check method."""


@dataclass(frozen=True, slots=True)
class MappedClaims:
    """The claims of one document under the broker's names, normalized, and the names of malformed ones."""

    claims: JsonObject
    malformed: frozenset[str]


class IdentityReader:
    """Makes identities of verified documents. The paths of the settings are compiled once."""

    def __init__(self, card: ProviderInfo, config: OpenIdConfig) -> None:
        """Raises ValueError for an invalid path."""
        self._card = card
        self._config = config
        self._levels = LevelReader(config, card.max_level)
        self._readers = claim_readers(config.claim_map, config.address_map)
        self._identifiers = tuple(config.identifiers.items())
        self._checks = tuple((path, compile_path(path), values) for path, values in config.claim_checks.items())
        self._subject = compile_path(config.subject_claim)
        self._acting = ActingReader(config.acting)
        self._timed = document_of(config.auth_time_place)
        self._required = (*config.required_claims, *config.subject_anchor)
        self._anchor = _anchor_reader(config.subject_anchor) if config.subject_anchor else None

    def make(self, documents: Documents, now: int, malformed: Callable[[str], None]) -> Identity:
        """The identity described by validated documents about the same subject.

        If both contain a claim, the userinfo response's value is used if it is valid; a null, empty or malformed one
        there does not remove that of the ID token (OpenID Connect Core 5.3.2). The identity token takes precedence over
        both. `malformed` is called with the broker's
        name of each malformed claim that is left out. Raises UpstreamError if a required claim is missing or blank.
        """
        self._check_values(documents, now)
        config, id_token = self._config, documents.id_token
        act = self._acting.read(documents, now)
        level = self._levels.reached(documents, now)
        signed, unsigned = (
            map_claims(given, self._readers, config.region, now) for given in (id_token, documents.userinfo)
        )
        claims, malformed_names = merge(signed.claims, unsigned.claims), signed.malformed | unsigned.malformed
        if documents.identity_token:
            proven = map_claims(documents.identity_token, self._readers, config.region, now)
            claims, malformed_names = merge(claims, proven.claims), malformed_names | proven.malformed
        foreign = NO_NAMES
        if documents.sources:
            others = map_claims(documents.sources, self._readers, config.region, now)
            foreign = frozenset(others.claims.keys() - claims.keys())
            claims, malformed_names = merge(others.claims, claims), malformed_names | others.malformed
        for name, form in self._identifiers:
            if name in claims and (found := normalize_identifier(claims[name], form)) != claims[name]:
                claims = {**claims, name: found} if found else _without(claims, name)
                malformed_names |= frozenset() if found else {name}
        if ACTING_FOR in claims or act is not None:
            claims = {**claims, ACTING_FOR: act.claim} if act is not None else _without(claims, ACTING_FOR)
        odd = sorted(malformed_names)
        for name in odd:
            malformed(name)
        missing = [f"{name} (malformed)" if name in odd else name for name in self._required if name not in claims]
        if missing:
            raise UpstreamError(UpstreamFault.CLAIMS_MISSING, f"claims missing: {', '.join(missing)}")
        timed = self._timed(documents).get("auth_time")
        return Identity(
            provider=self._card.id,
            issuer=config.issuer,
            subject=self._subject_of(id_token, act, now),
            level=level,
            amr=methods(id_token.get("amr")),
            auth_time=int(numeric_date(timed) or numeric_date(id_token["iat"]) or now),
            claims=claims,
            verification=verification(config, level, claims, now, foreign),
            act=act,
            upstream_sid=_sid(id_token.get("sid")),
            anchor=None if self._anchor is None else self._anchor(claims),
        )

    def _check_values(self, documents: Documents, now: int) -> None:
        """Each claim of `claim_checks` is there with a permitted value; of a list, each item is permitted. A permitted
        value that ends in `*` permits every text that begins so.

        The value in the ID token counts, if there is one.
        """
        for path, read, permitted in self._checks:
            found = read(documents.id_token, now)
            found = read(documents.userinfo, now) if found is None else found
            found = read(documents.identity_token, now) if found is None else found
            values = found if isinstance(found, list) and found else [found]
            if not all(_is_permitted(value, permitted) for value in values):
                detail = f"{path} {describe_identifier(found)} is not permitted"
                raise UpstreamError(UpstreamFault.CLAIM_NOT_ALLOWED, detail)

    def _subject_of(self, id_token: JsonObject, act: ActingFor | None, now: int) -> str:
        """The subject of the person who signed in."""
        person = None if act is None else self._acting.person(id_token, now)
        subject = self._subject(id_token, now) if person is None else person
        if self._config.subject_form is not None:
            subject = normalize_identifier(subject, self._config.subject_form)
        if not is_subject(subject):
            raise UpstreamError(UpstreamFault.ID_TOKEN_SUBJECT, f"{self._config.subject_claim} is no subject")
        return str(subject)


def _is_permitted(value: object, permitted: Sequence[str]) -> bool:
    if value in permitted:
        return True
    return isinstance(value, str) and value.startswith(tuple(one[:-1] for one in permitted if one.endswith("*")))


def _sid(value: object) -> str | None:
    return value if isinstance(value, str) and 1 <= len(value) <= MAX_SID else None


def _anchor_reader(names: tuple[str, ...]) -> Callable[[JsonObject], str]:
    """Reads what never changes for the person, as one text."""
    return lambda claims: json.dumps([claims[name] for name in names], ensure_ascii=True, sort_keys=True)


def _without(claims: JsonObject, name: str) -> JsonObject:
    return {one: value for one, value in claims.items() if one != name}


def methods(amr: object) -> tuple[str, ...]:
    """The values of `amr` (RFC 8176), also a single one; empty if it is not a list of short strings."""
    if isinstance(amr, str):
        amr = [amr]
    if not isinstance(amr, list) or not all(isinstance(word, str) and len(word) <= 64 for word in amr):
        return ()
    return tuple(amr[:MAX_METHODS])


def claim_readers(claim_map: Mapping[str, str], address_map: Mapping[str, str] = NO_MAP) -> Mapping[str, Reader]:
    """The readers of the broker's claims. Raises ValueError for an invalid path."""
    readers = {ours: compile_path(path) for ours, path in claim_map.items()}
    if address_map and "address" in readers:
        readers["address"] = _address_reader(readers["address"], claim_readers(address_map))
    return readers


def _address_reader(whole: Reader, members: Mapping[str, Reader]) -> Reader:
    def read(given: JsonObject, now: int) -> object:
        found = whole(given, now)
        if not isinstance(found, dict):
            return found
        return {ours: value for ours, member in members.items() if (value := member(found, now)) is not None}

    return read


def map_claims(given: JsonObject, readers: Mapping[str, Reader], region: str | None, now: int) -> MappedClaims:
    """The claims of a document under the broker's names, in the normal forms of `broker.normalize.claims`.

    `region` is the country of telephone numbers without a country code; None leaves such numbers out.
    """
    present = [(ours, value) for ours, reader in readers.items() if (value := reader(given, now)) is not None]
    read = {ours: read_claim(ours, value, region) for ours, value in present}
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


def verification(
    config: OpenIdConfig, level: Level, claims: JsonObject, now: int, foreign: frozenset[str] = NO_NAMES
) -> Verification | None:
    """The verification of the identity in the terms of OpenID Identity Assurance Schema Definition 1.0.

    One electronic record at the provider, which the citizen accessed by signing in there (check method `auth`).
    `foreign` are the claims of other parties, which the provider did not verify.
    """
    verified = tuple(name for name in config.verified_claims if name in claims and name not in foreign)
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
