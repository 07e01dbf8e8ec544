"""State of the simulator in memory: pending sign-ins, tokens, sessions, keys."""

from dataclasses import dataclass, field
from typing import Final

from broker.crypto.jose import SigningKey, load_signing_key, new_signing_key_pem
from broker.model.json_types import JsonObject
from broker.platform.system import System
from providers.simulator.outcomes import SimulatedOutcome
from providers.simulator.requests import Request
from providers.simulator.settings import Issuer, Persona

CODE_LIFE: Final = 60
HUGE_FOR: Final = 5
"""Seconds for which a key set stays huge."""


@dataclass(frozen=True, slots=True)
class SimulatedSignIn:
    """One sign-in: its request, persona and outcome, and the expiry of its code or token."""

    request: Request
    persona: Persona
    outcome: SimulatedOutcome
    at: int
    expires: float


@dataclass(frozen=True, slots=True)
class RememberedSession:
    """A session at the issuer in one browser, and its time of authentication (seconds since 1970 UTC)."""

    persona: Persona
    at: int


class IssuerState:
    """The state of one issuer. `out_of_order`: every endpoint responds with 503."""

    def __init__(self, issuer: Issuer, system: System) -> None:
        """Generates the first key."""
        self.out_of_order = False
        self.key = new_key(issuer)
        self._issuer = issuer
        self._system = system
        self._codes: dict[str, SimulatedSignIn] = {}
        self._tokens: dict[str, SimulatedSignIn] = {}
        self._grants: dict[str, SimulatedSignIn] = {}
        self._rotated: dict[str, SimulatedSignIn] = {}
        self._sessions: dict[str, RememberedSession] = {}
        self._used: dict[str, float] = {}
        self._huge_until = 0.0

    def new_code(self, sign_in: SimulatedSignIn) -> str:
        """Issues a code for a sign-in."""
        return self._put(self._codes, sign_in)

    def take_code(self, code: str) -> SimulatedSignIn | None:
        """Returns the sign-in of a code, once."""
        return self._live(self._codes.pop(code, None))

    def new_token(self, sign_in: SimulatedSignIn) -> str:
        """Issues an access token for a sign-in."""
        return self._put(self._tokens, sign_in)

    def find_token(self, token: str) -> SimulatedSignIn | None:
        """Returns the sign-in of an access token."""
        return self._live(self._tokens.get(token))

    def new_refresh_token(self, sign_in: SimulatedSignIn) -> str:
        """Issues a refresh token for a sign-in."""
        return self._put(self._grants, sign_in)

    def take_refresh_token(self, token: str) -> SimulatedSignIn | None:
        """Returns the sign-in of a refresh token, once. A rotated one that comes again revokes what followed it
        (RFC 9700 4.14.2)."""
        again = self._rotated.get(token)
        if again is not None:
            self.revoke_grants(again)
            return None
        sign_in = self._live(self._grants.pop(token, None))
        if sign_in is not None:
            self._rotated[token] = sign_in
        return sign_in

    def find_refresh_token(self, token: str) -> SimulatedSignIn | None:
        """Returns the sign-in of a refresh token, which stays valid."""
        return self._live(self._grants.get(token))

    def revoke_grants(self, sign_in: SimulatedSignIn) -> None:
        """Ends every refresh token of a sign-in."""
        same = (sign_in.request, sign_in.at)
        self._grants = {name: one for name, one in self._grants.items() if (one.request, one.at) != same}

    def begin_session(self, persona: Persona, at: int) -> str:
        """Starts a session. Returns the value of its cookie."""
        name = self._system.random_bytes(24).hex()
        self._sessions[name] = RememberedSession(persona, at)
        return name

    def find_session(self, name: str) -> RememberedSession | None:
        """Returns the session of a cookie."""
        return self._sessions.get(name)

    def end_session(self, name: str) -> None:
        """Ends a session."""
        self._sessions.pop(name, None)

    def use_once(self, jti: str, expires: float) -> bool:
        """Whether this `jti` of a client assertion is new (replay protection)."""
        now = self._system.now()
        self._used = {one: until for one, until in self._used.items() if until > now}
        if jti in self._used:
            return False
        self._used[jti] = expires
        return True

    def rotate(self, *, huge: bool = False, same_id: bool = False) -> None:
        """Key rotation: a new key signs, and the old one is no longer published; `huge`: among thousands of others.

        `same_id`: the new key has the `kid` of the old one.
        """
        self.key = new_key(self._issuer, self.key.kid if same_id else None)
        if huge:
            self._huge_until = self._system.now() + HUGE_FOR

    @property
    def jwks(self) -> JsonObject:
        """The published key set."""
        keys = [dict(self.key.jwk)]
        if self._system.now() < self._huge_until:
            keys += [{**self.key.jwk, "kid": f"one-of-many-{number}"} for number in range(5000)]
        return {"keys": keys}

    def _put(self, kept: dict[str, SimulatedSignIn], sign_in: SimulatedSignIn) -> str:
        now = self._system.now()
        for old in [name for name, one in kept.items() if one.expires <= now]:
            del kept[old]
        name = self._system.random_bytes(24).hex()
        kept[name] = sign_in
        return name

    def _live(self, sign_in: SimulatedSignIn | None) -> SimulatedSignIn | None:
        return sign_in if sign_in is not None and sign_in.expires > self._system.now() else None


def new_key(issuer: Issuer, kid: str | None = None) -> SigningKey:
    """A new private key of an issuer's algorithm."""
    return load_signing_key(new_signing_key_pem(issuer.algorithm), issuer.algorithm, kid)


@dataclass(frozen=True, slots=True)
class SimulatedIssuer:
    """One running issuer: settings, URL, state."""

    issuer: Issuer
    url: str
    memory: IssuerState = field(repr=False)
