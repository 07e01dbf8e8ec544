"""ID tokens, userinfo and second JWTs of a simulated provider, as its facts describe them or with one fault."""

from dataclasses import dataclass, replace
from typing import Final

from broker.model.assurance import Level
from broker.model.json_types import JsonObject
from providers.simulator.national.claim_source import passed_on
from providers.simulator.national.claims import RETURN_CODE, Claims, Said, put, say
from providers.simulator.national.dialect import Dialect
from providers.simulator.national.faults import NEW_IDENTITY_KEYS
from providers.simulator.national.keys import (
    claims_of,
    encrypted,
    half_hash,
    keys_of,
    public,
    signed,
    signing_key,
    unsigned,
)
from providers.simulator.national.people import PEOPLE, RegisteredPerson
from providers.simulator.national.script import Answer
from providers.simulator.settings import SimulatedClient

LIFE: Final = 600
REFRESH_LIFE: Final = 86_400
LOGOUT_LIFE: Final = 120
VECTOR: Final = "Cp.Cd"
TRUSTMARK: Final = "trustmark"
STRANGER: Final = "a-stranger"
IDENTITY_KEY: Final = 1
NEW_IDENTITY_KEY: Final = 3
FALSE_KEY: Final = 9
TOO_LONG: Final = 257
NEXT_OWNER: Final = "marks"
"""The person to whom a subject is given that was another person's."""
FIRST_ROTATED: Final = 20
ROTATIONS: Final = 3
"""Keys that take turns in rotations."""


@dataclass(frozen=True, slots=True)
class NationalSignIn:
    """One sign-in: the client, the parameters of its request, the answer, and when the person signed in.

    `key` is the thumbprint of the DPoP key to which its tokens are bound.
    """

    client: SimulatedClient
    asked: dict[str, str]
    answer: Answer
    at: int
    expires: float
    key: str = ""


def as_refreshed(sign_in: NationalSignIn) -> NationalSignIn:
    """The sign-in as a refreshed response describes it: an outcome `refresh_...` comes true then."""
    outcome = sign_in.answer.outcome.removeprefix("refresh_")
    return replace(sign_in, answer=replace(sign_in.answer, outcome=outcome))


def level_word(dialect: Dialect, sign_in: NationalSignIn) -> str | None:
    """The provider's word for the level that is reached: the one asked for, if the person can reach it."""
    outcome = sign_in.answer.outcome
    if outcome in ("missing_level", "unknown_level"):
        return None if outcome == "missing_level" else "a-level-that-does-not-exist"
    levels = dialect.levels
    if not levels:
        return None
    asked = sign_in.asked.get(dialect.text("request.level", "parameter"))
    wanted = [level for level, word in dialect.requested_levels.items() if word == asked]
    level = min(wanted[0] if wanted else Level.HIGH, sign_in.answer.person.highest)
    if outcome == "lower_level":
        level = min(levels.values())
    reached = [word for word, worth in levels.items() if worth <= level]
    return max(reached, key=lambda word: levels[word], default=min(levels, key=lambda word: levels[word]))


class TokenMaker:
    """Makes the documents of one provider."""

    def __init__(self, dialect: Dialect) -> None:
        """The first algorithm of the facts signs."""
        self._dialect = dialect
        self.algorithm = dialect.words("id_token.algorithms")[0]
        self.key = signing_key(self.algorithm)
        self.kid = str(self.key.kid)
        self._rotations = 0

    def rotate(self, *, same_id: bool) -> None:
        """Signs ID tokens with another key. `same_id`: it has the `kid` of the one before."""
        self._rotations = (self._rotations + 1) % ROTATIONS
        self.key = signing_key(self.algorithm, FIRST_ROTATED + self._rotations)
        self.kid = self.kid if same_id else str(self.key.kid)

    @property
    def jwks(self) -> list[dict[str, object]]:
        """The published keys."""
        keys = {self.kid: public(self.key, kid=self.kid)}
        for algorithm in self._dialect.words("userinfo", "algorithms")[:1]:
            key = signing_key(algorithm)
            keys.setdefault(str(key.kid), public(key))
        return list(keys.values())

    @property
    def identity_jwks(self) -> list[dict[str, object]]:
        """The published keys of the second JWT."""
        return [public(signing_key(self._dialect.words("identity_token", "algorithms")[0], IDENTITY_KEY))]

    def said(self, sign_in: NationalSignIn) -> Said:
        """What is said about the person of a sign-in."""
        scope = tuple(sign_in.asked.get("scope", "").split())
        said = say(self._dialect, sign_in.answer.person, scope)
        if sign_in.answer.outcome != "reassigned_subject":
            return said
        other = next(person for person in PEOPLE if person.id == NEXT_OWNER)
        theirs = replace(say(self._dialect, other, scope), subject=said.subject)
        claim = self._dialect.text("subject", "claim")
        if claim in said.id_token:
            theirs.id_token[claim] = said.id_token[claim]
        return theirs

    def id_token(self, sign_in: NationalSignIn, access_token: str, code: str, now: int) -> str:
        """The ID token."""
        outcome = sign_in.answer.outcome
        claims = self._id_token_claims(sign_in, access_token, code, now)
        claims = {name: value for name, value in {**claims, **_bent(outcome, claims, now)}.items() if value is not None}
        token = self._signed(outcome, claims)
        if not self._dialect.table("id_token.encryption") or not any(
            key.get("use") == "enc" for key in keys_of(sign_in.client)
        ):
            return token
        return self._sealed(outcome, token, sign_in.client, "id_token.encryption")

    def _id_token_claims(self, sign_in: NationalSignIn, access_token: str, code: str, now: int) -> Claims:
        dialect, said = self._dialect, self.said(sign_in)
        optional: Claims = {
            "jti": f"{sign_in.at}-{access_token[:8]}",
            "nbf": now,
            "auth_time": sign_in.at,
            "at_hash": half_hash(access_token, self.algorithm, standard=dialect.name == "tara"),
            "c_hash": half_hash(code, self.algorithm),
            "sid": f"sid-{said.subject}",
            "azp": sign_in.client.client_id,
            "state": sign_in.asked.get("state"),
            "amr": ["mfa"],
            "locale": "en",
            "session_state": "5b6f1f0e",
            "identityscheme": dialect.name,
            "acr": level_word(dialect, sign_in),
            "sandbox": True,
            "scope": sign_in.asked.get("scope", "").split(),
        }
        listed = dialect.words("id_token.claims")
        claims: Claims = {name: value for name, value in optional.items() if name in listed}
        claims |= {
            "iss": dialect.issuer,
            "sub": said.subject,
            "aud": sign_in.client.client_id,
            "iat": now,
            "exp": now + LIFE,
            "nonce": sign_in.asked.get("nonce"),
        }
        claims |= said.id_token
        self._put_level(claims, "id_token", sign_in)
        if dialect.name == "gov-uk-one-login":
            claims |= {"vot": "Cl.Cm", "vtm": f"{dialect.issuer}{TRUSTMARK}"}
        claims |= passed_on(sign_in.answer.outcome, sign_in.answer.person)
        return claims | dict(sign_in.answer.claims)

    def _put_level(self, claims: Claims, document: str, sign_in: NationalSignIn) -> None:
        place = self._dialect.table("level.place")
        word = level_word(self._dialect, sign_in)
        if place.get("document") != document or word is None:
            return
        claim = str(place["claim"])
        if claim == "vot" and document == "id_token":
            word = f"{word}.{VECTOR}"
            claims["vtm"] = place["vtm"]
        put(claims, claim, word)

    def userinfo(self, sign_in: NationalSignIn, now: int) -> tuple[str | JsonObject, str]:
        """The userinfo response and its media type."""
        dialect, said, outcome = self._dialect, self.said(sign_in), sign_in.answer.outcome
        document: Claims = {"sub": STRANGER if outcome == "other_subject" else said.subject, **said.userinfo}
        self._put_level(document, "userinfo", sign_in)
        if dialect.name == "login-gov":
            document |= {"iss": dialect.issuer, "auth_time": sign_in.at}
        second = self._identity_token(sign_in, said, now)
        if second is not None:
            document[str(dialect.table("identity_token")["claim"])] = second
        elif outcome == "identity_missing" and _requests(sign_in, RETURN_CODE):
            document[RETURN_CODE] = [{"code": "B"}, {"code": "C"}]
        form = dialect.text("userinfo", "format")
        if form == "json":
            return document, "application/json"
        document |= {"iss": dialect.issuer, "aud": sign_in.client.client_id, "iat": now, "exp": now + LIFE}
        if dialect.name in ("spid", "cie"):
            document["nbf"] = now
        algorithm = dialect.words("userinfo", "algorithms")[0]
        token = signed(document, signing_key(algorithm), algorithm, {"cty": "JWT"} if form == "nested" else None)
        if form == "nested":
            token = self._sealed(outcome, token, sign_in.client, "userinfo")
        return token, dialect.text("userinfo", "media_type")

    def logout_claims(self, client_id: str, person: RegisteredPerson, jti: str, now: int) -> Claims:
        """What says that a person's sessions have ended (OpenID Connect Back-Channel Logout 1.0 2.4)."""
        subject = say(self._dialect, person, ()).subject
        claims: Claims = {
            "iss": self._dialect.issuer,
            "sub": subject,
            "aud": client_id,
            "iat": now,
            "exp": now + (self._dialect.number("logout.received", "seconds") or LOGOUT_LIFE),
            "jti": jti,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
        if self._dialect.table("logout.received").get("sid"):
            claims["sid"] = f"sid-{subject}"
        return claims

    def sid_of(self, hint: str) -> str | None:
        """The session that an ID token names, if this provider signed it."""
        claims = claims_of(hint, self.key, self.algorithm) or {}
        sid = claims.get("sid")
        return sid if isinstance(sid, str) else None

    def logout_token(self, claims: Claims) -> str:
        """These claims as a logout token."""
        return signed(claims, self.key, self.algorithm, {"kid": self.kid, "typ": "logout+jwt"})

    def _identity_token(self, sign_in: NationalSignIn, said: Said, now: int) -> str | None:
        dialect, outcome, facts = self._dialect, sign_in.answer.outcome, self._dialect.table("identity_token")
        if not facts or outcome == "identity_missing" or not _requests(sign_in, str(facts["claim"])):
            return None
        life = dialect.number("identity_token", "seconds") or LIFE
        claims: Claims = {
            "sub": STRANGER if outcome == "identity_subject" else said.subject,
            "iss": STRANGER if outcome == "identity_issuer" else dialect.by_environment("identity_token", "issuer"),
            "aud": STRANGER if outcome == "identity_audience" else sign_in.client.client_id,
            "nbf": now,
            "iat": now,
            "exp": now - 60 if outcome == "identity_expired" else now + life,
            **said.identity,
        }
        self._put_level(claims, "identity_token", sign_in)
        did = dialect.by_environment("identity_token", "did")
        controller = "did:web:identity.stranger.example" if outcome == "identity_key" else did
        algorithm = dialect.words("identity_token", "algorithms")[0]
        named = signing_key(algorithm, NEW_IDENTITY_KEY if outcome in NEW_IDENTITY_KEYS else IDENTITY_KEY)
        key = signing_key(algorithm, FALSE_KEY) if outcome == "identity_signature" else named
        return signed(claims, key, algorithm, {"kid": f"{controller}#{named.kid}"})

    def _signed(self, outcome: str, claims: JsonObject) -> str:
        match outcome:
            case "no_signature":
                return unsigned(claims)
            case "wrong_signature" | "wrong_inner_signature":
                return signed(claims, signing_key(self.algorithm, FALSE_KEY), self.algorithm, {"kid": self.kid})
            case "unknown_key":
                return signed(claims, signing_key(self.algorithm, FALSE_KEY), self.algorithm)
            case _:
                return signed(claims, self.key, self.algorithm, {"kid": self.kid})

    def _sealed(self, outcome: str, token: str, client: SimulatedClient, about: str) -> str:
        if outcome == "not_encrypted":
            return token
        return encrypted(token, client, self._dialect, about, outcome)


def _requests(sign_in: NationalSignIn, claim: str) -> bool:
    """Whether the request names a claim in `claims`."""
    return f'"{claim}"' in sign_in.asked.get("claims", "").replace("\\/", "/")


def _bent(outcome: str, claims: Claims, now: int) -> Claims:
    """The claims that an outcome changes; None takes one out."""
    changes: dict[str, Claims] = {
        "other_nonce": {"nonce": "the-nonce-of-another-sign-in-0123456789"},
        "other_issuer": {"iss": "https://stranger.example"},
        "wrong_audience": {"aud": STRANGER},
        "wrong_party": {"azp": STRANGER, "aud": claims["aud"]},
        "expired": {"exp": now - 3600},
        "old_token": {"iat": now - 3600},
        "missing_subject": {"sub": None},
        "number_subject": {"sub": 1987041200},
        "list_subject": {"sub": [claims["sub"]]},
        "empty_subject": {"sub": ""},
        "long_subject": {"sub": "s" * TOO_LONG},
    }
    return changes.get(outcome, {})
