"""Prompts of a video: one is the first word, the others are drawn evenly, and none fits another phrase."""

from collections import Counter

from broker.assisted.case_records import Phrase
from broker.assisted.prompts import ACTIONS, DRAWN, fits, prompts
from tests.support.system import FakeRandom

WORDS = Phrase("river", "lamp")


def test_prompts_hold_the_word_once_and_different_other_ones_in_any_order() -> None:
    random = FakeRandom()
    drawn = [prompts(WORDS, random.draw) for _ in range(2000)]
    assert all(len(set(one)) == DRAWN + 1 and one.count("say:river") == 1 for one in drawn)
    assert {one.index("say:river") for one in drawn} == {0, 1, 2}
    others = Counter(prompt for one in drawn for prompt in one if prompt != "say:river")
    assert set(others) == set(ACTIONS)
    assert max(others.values()) < 1.3 * min(others.values())


def test_only_prompts_with_the_present_word_fit() -> None:
    drawn = prompts(WORDS, FakeRandom().draw)
    assert fits(drawn, WORDS)
    assert not fits(drawn, Phrase("birch", "lamp"))
    assert not fits((), WORDS)
    assert not fits(("say:",), Phrase("", ""))
