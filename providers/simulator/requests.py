"""Authorization requests at the simulator (OpenID Connect Core 3.1.2.1), validated strictly to reveal faults of the
broker."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from providers.simulator.outcomes import OK, OUTCOMES, SimulatedOutcome
from providers.simulator.settings import Issuer, Persona, SimulatedClient


@dataclass(frozen=True, slots=True)
class Request:
    """A valid authorization request."""

    client: SimulatedClient
    redirect_uri: str
    scope: tuple[str, ...]
    state: str | None
    nonce: str | None
    challenge: str
    acr_values: tuple[str, ...]
    max_age: int | None
    prompt: tuple[str, ...]
    hint: str


class BadRequest(Exception):
    """A request that must not be redirected: the error is shown on a page."""


class RefusedRequest(Exception):
    """A request that is answered with an error at its redirect URI."""

    def __init__(self, error: str, redirect_uri: str, state: str | None) -> None:
        super().__init__(error)
        self.error, self.redirect_uri, self.state = error, redirect_uri, state


@dataclass(frozen=True, slots=True)
class HintedOutcome:
    """The outcome and the persona in a `login_hint`. Any other hint requests neither."""

    outcome: SimulatedOutcome | None = None
    persona: Persona | None = None


def parameters(query: str) -> Mapping[str, str]:
    """The parameters of a query or form, each once. Raises BadRequest for a repeated one."""
    pairs = parse_qsl(query, keep_blank_values=True)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("A parameter is there twice.")
    return found


def parse_request(query: str, issuer: Issuer) -> Request:
    """Parses and validates a query. Raises BadRequest or RefusedRequest."""
    given = parameters(query)
    client = next((one for one in issuer.clients if one.client_id == given.get("client_id")), None)
    if client is None:
        raise BadRequest("Nobody of this client_id is registered here.")
    redirect_uri, state = given.get("redirect_uri", ""), given.get("state")
    if redirect_uri not in client.redirect_uris:
        raise BadRequest("This redirect_uri is not registered.")

    def refuse(error: str) -> RefusedRequest:
        return RefusedRequest(error, redirect_uri, state)

    if given.get("response_type") != "code":
        raise refuse("unsupported_response_type")
    scope = tuple(given.get("scope", "").split())
    if "openid" not in scope:
        raise refuse("invalid_scope")
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or len(challenge) != 43:
        raise refuse("invalid_request")
    max_age = given.get("max_age")
    if max_age is not None and not max_age.isdecimal():
        raise refuse("invalid_request")
    prompt = tuple(given.get("prompt", "").split())
    if "none" in prompt:
        raise refuse("login_required")
    return Request(
        client=client,
        redirect_uri=redirect_uri,
        scope=scope,
        state=state,
        nonce=given.get("nonce"),
        challenge=challenge,
        acr_values=tuple(given.get("acr_values", "").split()),
        max_age=None if max_age is None else int(max_age),
        prompt=prompt,
        hint=given.get("login_hint", ""),
    )


def parse_login_hint(hint: str, issuer: Issuer) -> HintedOutcome:
    """Parses `outcome:<name>` and `persona:<id>`, joined by a semicolon. Raises BadRequest for unknown ones."""
    outcome = persona = None
    for part in hint.split(";") if hint.startswith(("outcome:", "persona:")) else ():
        kind, _, name = part.partition(":")
        if kind == "outcome":
            outcome = find_outcome(name)
        elif kind == "persona":
            persona = find_persona(name, issuer)
    if persona is not None and outcome is None:
        outcome = OK
    return HintedOutcome(outcome, persona)


def find_outcome(name: str) -> SimulatedOutcome:
    """The outcome with a name. Raises BadRequest."""
    if name not in OUTCOMES:
        raise BadRequest("There is no such outcome.")
    return OUTCOMES[name]


def find_persona(persona_id: str, issuer: Issuer) -> Persona:
    """The persona with an id at an issuer. Raises BadRequest."""
    for persona in issuer.personas:
        if persona.id == persona_id:
            return persona
    raise BadRequest("There is nobody of this name here.")
