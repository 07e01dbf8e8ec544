"""Script of a simulated provider: the next answers, and the log of what was asked."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.model.json_types import JsonObject
from providers.simulator.national.people import PEOPLE, RegisteredPerson, find_person

MAX_LOG: Final = 200

OUTCOMES: Final[Mapping[str, str]] = {
    "ok": "Sign in",
    "wrong_signature": "A false signature under the right key id",
    "unknown_key": "A key that is nowhere published",
    "no_signature": "No signature (alg none)",
    "other_nonce": "The nonce of another sign-in",
    "other_issuer": "An ID token of another issuer",
    "wrong_audience": "An ID token for another client",
    "wrong_party": "An ID token that another party asked for (azp)",
    "expired": "An ID token that has expired",
    "old_token": "An ID token made before the citizen came",
    "missing_subject": "No subject",
    "number_subject": "A subject that is a number",
    "list_subject": "A subject that is a list",
    "empty_subject": "A subject without characters",
    "long_subject": "A subject that is too long",
    "aggregated_claims": "A claim of a register, in a token that the register signed",
    "distributed_claims": "A claim of a register, to be fetched there",
    "false_source": "A claim of a register with a false signature",
    "reassigned_subject": "Another person under the same subject",
    "unknown_level": "A level that does not exist",
    "missing_level": "No level",
    "lower_level": "The lowest level",
    "other_subject": "Userinfo about another subject",
    "not_encrypted": "Tokens in plain text that are to be encrypted",
    "wrong_inner_signature": "A false signature inside the encryption",
    "lost_key": "Tokens encrypted to another key",
    "bomb": "An encrypted text of megabytes, compressed (zip)",
    "downgraded": "A bearer token in place of one that is bound to a key",
    "identity_missing": "No second JWT about the identity",
    "identity_subject": "A second JWT about another subject",
    "identity_signature": "A second JWT with a false signature",
    "identity_expired": "A second JWT that has expired",
    "identity_issuer": "A second JWT of another issuer",
    "identity_audience": "A second JWT for another client",
    "identity_key": "A second JWT with a key of another controller",
    "did_other_key": "A DID document with a key of another DID",
    "did_gone": "The DID document is not there any more",
    "did_junk": "Junk in place of the DID document",
    "replayed_code": "A code that was used before",
    "token_500": "The token endpoint breaks down",
    "userinfo_500": "The userinfo endpoint breaks down",
    "par_500": "The endpoint of pushed requests breaks down",
    "junk": "The token endpoint answers with junk",
    "gone": "The token endpoint is not there any more",
    "redirects": "The token endpoint redirects to somewhere else",
    "huge_answer": "The token endpoint answers with megabytes",
    "slow": "The token endpoint does not answer in time",
    "reset": "The token endpoint closes the connection in the middle of its answer",
    "refresh_revoked": "Later, when asked again: the sign-in has ended (invalid_grant)",
    "refresh_other_issuer": "Later, when asked again: an ID token of another issuer",
    "refresh_other_subject": "Later, when asked again: userinfo about another subject",
    "refresh_token_500": "Later, when asked again: the token endpoint breaks down",
    "mix_up": "A response in the name of another issuer (iss)",
    "key_rotated": "A new key from one moment to the next, properly published",
    "key_replaced": "A new key under the id of the old one, properly published",
    "huge_keys": "A new key among thousands of others",
}
"""What can happen to a sign-in beside the provider's own errors, with a line for the page."""


class BadScript(Exception):
    """A scripted answer names an outcome or a person that does not exist."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one sign-in. `error` and `description` are the provider's own, in place of a code.

    `token_error` is the error of the token endpoint, `claims` are additional claims of the ID token.
    """

    outcome: str = "ok"
    person: RegisteredPerson = PEOPLE[0]
    error: str = ""
    description: str = ""
    token_error: str = ""
    claims: JsonObject = field(default_factory=dict)


def read_answer(table: JsonObject) -> Answer:
    """An answer as it stands in JSON. Raises BadScript."""
    claims = table.get("claims", {})
    texts = {name: value for name, value in table.items() if isinstance(value, str) and name != "claims"}
    known = texts.keys() | ({"claims"} & table.keys())
    if known != table.keys() or not known <= Answer.__dataclass_fields__.keys() or not isinstance(claims, dict):
        raise BadScript(f"an answer has the members {', '.join(Answer.__dataclass_fields__)}, texts except claims")
    person = find_person(texts.pop("person", PEOPLE[0].id))
    if person is None:
        raise BadScript(f"the people are: {', '.join(one.id for one in PEOPLE)}")
    if texts.get("outcome", "ok") not in OUTCOMES:
        raise BadScript(f"the outcomes are: {', '.join(OUTCOMES)}")
    return Answer(person=person, claims=claims, **texts)


@dataclass(slots=True)
class Script:
    """The next answers of one provider, and what was asked of it: role of the endpoint, parameters, headers."""

    next: deque[Answer] = field(default_factory=deque)
    log: deque[JsonObject] = field(default_factory=lambda: deque(maxlen=MAX_LOG))

    def record(self, role: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> None:
        """Logs a request."""
        self.log.append({"endpoint": role, "parameters": dict(parameters), "headers": dict(headers)})

    def asked(self, role: str) -> list[JsonObject]:
        """What was asked of one endpoint, oldest first."""
        return [one for one in self.log if one["endpoint"] == role]
