"""What the proofs are worth with which a citizen binds an identity, and what they can type in to reach a level."""

from dataclasses import replace

import pytest

from broker.assisted.profiles import default_profiles
from broker.assisted.proofs import Needs, Proofs, needs, worth
from broker.model.assurance import Level

RULE = default_profiles().authentication
LOW, SUBSTANTIAL, HIGH = Level.LOW, Level.SUBSTANTIAL, Level.HIGH
HERE, ELSEWHERE = True, False


@pytest.mark.parametrize(
    ("asking", "code", "words", "call_back", "level"),
    [
        (HERE, True, True, False, SUBSTANTIAL),
        (HERE, True, False, True, SUBSTANTIAL),
        (HERE, True, True, True, SUBSTANTIAL),
        (HERE, True, False, False, LOW),
        (HERE, False, True, False, LOW),
        (HERE, False, True, True, LOW),
        (HERE, False, False, True, LOW),
        (ELSEWHERE, True, True, True, SUBSTANTIAL),
        (ELSEWHERE, True, True, False, LOW),
        (ELSEWHERE, True, False, True, LOW),
        (ELSEWHERE, True, False, False, LOW),
        (ELSEWHERE, False, True, True, LOW),
    ],
)
def test_what_a_combination_of_proofs_is_worth(
    level: Level, *, asking: bool, code: bool, words: bool, call_back: bool
) -> None:
    assert worth(Proofs(asking, code, words, call_back), RULE) is level


def test_the_worth_of_a_call_is_data() -> None:
    by_call = Proofs(asking_browser=True, code=True, call_back=True)
    assert worth(by_call, replace(RULE, call_back=LOW)) is LOW
    assert worth(by_call, replace(RULE, call_back=HIGH)) is HIGH


@pytest.mark.parametrize(
    ("need", "asking", "exchanged", "found"),
    [
        (LOW, ELSEWHERE, False, Needs(code=True, words=True, call=True, call_and_words=True)),
        (SUBSTANTIAL, HERE, True, Needs(code=False, words=True, call=True, call_and_words=True)),
        (SUBSTANTIAL, HERE, False, Needs(code=False, words=False, call=True, call_and_words=True)),
        (SUBSTANTIAL, ELSEWHERE, True, Needs(code=False, words=False, call=False, call_and_words=True)),
        (SUBSTANTIAL, ELSEWHERE, False, Needs(code=False, words=False, call=False, call_and_words=False)),
        (HIGH, HERE, True, Needs(code=False, words=False, call=False, call_and_words=False)),
    ],
)
def test_what_is_enough_in_a_browser(need: Level, found: Needs, *, asking: bool, exchanged: bool) -> None:
    assert needs(need, RULE, asking=asking, exchanged=exchanged) == found
