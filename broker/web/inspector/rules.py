"""Inspector rules: the checks that a service's request has to pass, in order, and which one failed.

A rule is a function of `broker.oidc`; its name, docstring and cited paragraphs are shown.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import CodeType, FunctionType
from typing import Any, Final

from broker.oidc import ciba
from broker.oidc.authorization_checks import CHECKS, check_client_id, check_redirect_uri, check_request_uri
from broker.oidc.ciba_request_object import check_outside, signed_parameters
from broker.oidc.claims_parameter import read_claims
from broker.oidc.client_authentication import authenticate_client, check_assertion, parse_credentials
from broker.oidc.dpop import check_proof
from broker.oidc.logout import logout_request, logout_return
from broker.oidc.par import PREFIX
from broker.oidc.request_object import merge_request_object
from broker.oidc.resource_request import check_access, parse_access_token
from broker.oidc.token_request import check_binding, check_code, check_refresh, token_parameter, token_request

Function = Callable[..., Any]

_REQUEST: Final[tuple[Function, ...]] = (
    check_client_id,
    check_request_uri,
    merge_request_object,
    check_redirect_uri,
    read_claims,
    *CHECKS,
)
_CALLER: Final[tuple[Function, ...]] = (parse_credentials, authenticate_client, check_assertion)
_TOKEN: Final[tuple[Function, ...]] = (*_CALLER, token_request, check_proof, check_binding)

_ASKING: Final[tuple[Function, ...]] = (
    ciba.check_may_ask,
    check_outside,
    signed_parameters,
    *ciba.CHECKS,
    ciba.subject_from_hint,
    ciba.effective_lifetime,
)

_CITED: Final = re.compile(r"\(([^()]*(?:RFC|OpenID|FAPI|JARM|Response Mode|Core)\b[^()]*)\)")


class RuleVerdict(StrEnum):
    """The verdict of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class InspectorRule:
    """One rule: the function's name, the first sentence of its docstring, the paragraphs of standards that it cites."""

    name: str
    sentence: str
    paragraph: str


def rules(path: str, parameters: Mapping[str, str], *, proved: bool) -> tuple[Function, ...]:
    """The rules of a request, in the order in which they are applied. `proved`: the request has a DPoP proof."""
    match path:
        case "/authorize":
            found = () if parameters.get("request_uri", "").startswith(PREFIX) else _REQUEST
        case "/par":
            found = (*_CALLER, check_proof, *_REQUEST)
        case "/token":
            last = check_refresh if parameters.get("grant_type") == "refresh_token" else check_code
            found = (*_TOKEN, last)
        case "/userinfo":
            found = (parse_access_token, check_proof, check_access)
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


def rule_verdicts(
    rules: Sequence[Function], error: BaseException | None
) -> tuple[tuple[InspectorRule, RuleVerdict], ...]:
    """Every rule with its verdict. Empty if the error came from none of them, as then no verdict is known."""
    if error is None:
        return tuple((described(rule), RuleVerdict.PASSED) for rule in rules)
    codes = [rule.__code__ if isinstance(rule, FunctionType) else None for rule in rules]
    broken = next((codes.index(code) for code in _raising(error) if code in codes), None)
    if broken is None:
        return ()
    verdicts = (
        [RuleVerdict.PASSED] * broken + [RuleVerdict.FAILED] + [RuleVerdict.NOT_REACHED] * (len(rules) - broken - 1)
    )
    return tuple((described(rule), verdict) for rule, verdict in zip(rules, verdicts, strict=True))


@cache
def described(rule: Function) -> InspectorRule:
    """Reads a rule from its docstring. Without docstrings (`python -OO`) only the name is known."""
    text = " ".join((rule.__doc__ or "").split())
    sentence = _CITED.sub("", text).split(". ")[0].replace(" ,", ",").strip(" .")
    return InspectorRule(rule.__name__, sentence, "; ".join(_CITED.findall(text)))


def _raising(error: BaseException) -> Iterator[CodeType]:
    """The functions in an error's traceback, innermost first; those of its `__context__` come before them."""
    if error.__context__ is not None:
        yield from _raising(error.__context__)
    frames, step = [], error.__traceback__
    while step is not None:
        frames.append(step.tb_frame.f_code)
        step = step.tb_next
    yield from reversed(frames)
