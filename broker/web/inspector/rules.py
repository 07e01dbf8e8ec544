"""Which rules a call of a service has to pass, in their order, and which one it broke.

The rules are the functions of `broker.oidc` themselves: their names, and what their docstrings say and cite.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import CodeType, FunctionType
from typing import Any, Final

from broker.oidc import ciba
from broker.oidc.access import check_access, presented_token
from broker.oidc.checks import CHECKS, check_client_id, check_redirect_uri, check_reference
from broker.oidc.ciba_object import check_outside, signed_parameters
from broker.oidc.claims_parameter import read_claims
from broker.oidc.client import authenticate, check_assertion, presented
from broker.oidc.dpop import check_proof
from broker.oidc.logout import logout_request, logout_return
from broker.oidc.pushed import PREFIX
from broker.oidc.request_object import opened
from broker.oidc.token import check_binding, check_code, check_refresh, token_parameter, token_request

Function = Callable[..., Any]

_REQUEST: Final[tuple[Function, ...]] = (
    check_client_id,
    check_reference,
    opened,
    check_redirect_uri,
    read_claims,
    *CHECKS,
)
_CALLER: Final[tuple[Function, ...]] = (presented, authenticate, check_assertion)
_TOKEN: Final[tuple[Function, ...]] = (*_CALLER, token_request, check_proof, check_binding)

_ASKING: Final[tuple[Function, ...]] = (
    ciba.check_may_ask,
    check_outside,
    signed_parameters,
    *ciba.CHECKS,
    ciba.hinted,
    ciba.wanted_lifetime,
)

_CITED: Final = re.compile(r"\(([^()]*(?:RFC|OpenID|FAPI|JARM|Response Mode|Core)\b[^()]*)\)")


class Verdict(StrEnum):
    """What became of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the function's name, what it says in a sentence, the paragraphs of the standards that it cites."""

    name: str
    sentence: str
    paragraph: str


def rules(path: str, parameters: Mapping[str, str], proved: bool) -> tuple[Function, ...]:
    """The rules for a call, in the order in which they are applied. `proved`: a DPoP proof came along."""
    match path:
        case "/authorize":
            found = () if parameters.get("request_uri", "").startswith(PREFIX) else _REQUEST
        case "/par":
            found = (*_CALLER, check_proof, *_REQUEST)
        case "/token":
            last = check_refresh if parameters.get("grant_type") == "refresh_token" else check_code
            found = (*_TOKEN, last)
        case "/userinfo":
            found = (presented_token, check_proof, check_access)
        case "/ciba":
            found = (*_CALLER, *_ASKING)
        case "/logout":
            found = (logout_request, logout_return)
        case _:
            found = (*_CALLER, token_parameter)
    beside = {
        check_assertion: "client_assertion" in parameters,
        check_proof: proved,
        read_claims: "claims" in parameters,
        check_outside: "request" in parameters,
        signed_parameters: "request" in parameters,
    }
    return tuple(rule for rule in found if beside.get(rule, True))


def judged(found: Sequence[Function], error: BaseException | None) -> tuple[tuple[Rule, Verdict], ...]:
    """Every rule with its verdict. Empty where the error came from none of them: then nothing is known of the rest."""
    if error is None:
        return tuple((described(rule), Verdict.PASSED) for rule in found)
    codes = [rule.__code__ if isinstance(rule, FunctionType) else None for rule in found]
    broken = next((codes.index(code) for code in _raising(error) if code in codes), None)
    if broken is None:
        return ()
    verdicts = [Verdict.PASSED] * broken + [Verdict.FAILED] + [Verdict.NOT_REACHED] * (len(found) - broken - 1)
    return tuple((described(rule), verdict) for rule, verdict in zip(found, verdicts, strict=True))


def described(rule: Function) -> Rule:
    """A rule as its docstring has it. Without docstrings (`python -OO`) the name is all there is."""
    text = " ".join((rule.__doc__ or "").split())
    sentence = _CITED.sub("", text).split(". ")[0].replace(" ,", ",").strip(" .")
    return Rule(rule.__name__, sentence, "; ".join(_CITED.findall(text)))


def _raising(error: BaseException) -> Iterator[CodeType]:
    """The functions that an error passed through, innermost first: also of the errors that it was made from."""
    if error.__context__ is not None:
        yield from _raising(error.__context__)
    frames, step = [], error.__traceback__
    while step is not None:
        frames.append(step.tb_frame.f_code)
        step = step.tb_next
    yield from reversed(frames)
