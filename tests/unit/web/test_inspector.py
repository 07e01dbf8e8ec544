"""Inspector: rules, their order and their verdicts, and redacted values."""

import itertools

import pytest

from broker.oidc.authorization_checks import check_code_challenge
from broker.oidc.token_request import check_code, token_request
from broker.web.inspector.exchange_log import redact
from broker.web.inspector.rules import InspectorRule, described, rule_verdicts, rules
from tests.support.outcome import outcome

PATHS = ("/authorize", "/par", "/token", "/userinfo", "/introspect", "/revoke", "/ciba", "/logout")
EVERYTHING = {"client_assertion": "x", "claims": "{}", "request": "x"}


@pytest.mark.parametrize("path", PATHS)
def test_every_rule_has_a_sentence_and_cites_a_paragraph(path: str) -> None:
    kinds = ({}, {"grant_type": "refresh_token"})
    found = itertools.chain(*(rules(path, {**EVERYTHING, **kind}, proved=True) for kind in kinds))
    lacking = [rule.name for rule in map(described, found) if not rule.sentence or not rule.paragraph]
    assert lacking == []


def test_a_rule_is_described_by_its_docstring() -> None:
    sentence = "PKCE with S256, required in `fapi2`, for apps, and unless the service is exempt"
    assert described(check_code_challenge) == InspectorRule(
        "check_code_challenge", sentence, "RFC 7636 4.3, RFC 9700 2.1.1"
    )


def test_an_error_of_no_rule_says_nothing_of_the_rules() -> None:
    error = outcome(lambda: int("of no rule"), ValueError)
    assert isinstance(error, ValueError)
    assert rule_verdicts((token_request, check_code), error) == ()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("scope", "openid profile", "openid profile"),
        ("code", "code_abc", "8 characters, not kept"),
        ("client_assertion", "e30.e30.c2ln", "a JWT of 12 characters, not kept"),
        ("of somebody's own", "secret", "6 characters, not kept"),
    ],
)
def test_only_what_is_known_to_be_no_secret_is_kept(name: str, value: str, expected: str) -> None:
    assert redact(name, value) == expected
