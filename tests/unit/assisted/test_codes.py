"""Phrases and codes, and the check that keeps secrets out of notes."""

import string
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from broker.assisted.case_records import Phrase
from broker.assisted.codes import (
    confirmation_code,
    confirmation_digest,
    continuation_digest,
    lint_note,
    lists,
    phrase,
    verify_code,
    verify_phrase,
)
from broker.model.handle import new_user_code
from broker.platform.system import System
from tests.support.system import FakeRandom


def bytes_of(*chance: bytes) -> Callable[[int], bytes]:
    """A source of chance that gives these bytes in turn."""
    left = iter(chance)

    def draw(count: int) -> bytes:
        drawn = next(left)
        assert len(drawn) == count
        return drawn

    return draw


def test_each_position_has_256_plain_words_that_the_other_does_not_have() -> None:
    first, second = lists()
    assert len(set(first)) == len(set(second)) == 256
    assert not set(first) & set(second)
    assert all(
        word.isascii() and word.isalpha() and word.islower() and 2 < len(word) < 12 for word in (*first, *second)
    )


def test_every_byte_of_chance_gives_another_word() -> None:
    drawn = [phrase(bytes_of(bytes([i, 255 - i]))) for i in range(256)]
    assert len({words.first for words in drawn}) == len({words.second for words in drawn}) == 256


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("amber kettle", True),
        ("  Amber,\tKETTLE ", True),
        ("amber-kettle", True),
        ("kettle amber", False),
        ("amber", False),
        ("amber kettle kettle", False),
        ("amberkettle", False),
        ("", False),
    ],
)
def test_a_phrase_is_verified_by_both_words_in_order(typed: str, *, same: bool) -> None:
    assert verify_phrase(Phrase("amber", "kettle"), typed) is same


def test_the_phrase_of_an_erased_case_never_verifies() -> None:
    assert not verify_phrase(Phrase("", ""), "")


def test_a_code_has_six_digits_and_none_is_likelier_than_another() -> None:
    over = (256**4 - 1).to_bytes(4)
    assert confirmation_code(bytes_of(over, (7).to_bytes(4))) == "000007"
    draw = FakeRandom().draw
    codes = [confirmation_code(draw) for _ in range(3000)]
    assert all(len(code) == 6 and set(code) <= set(string.digits) for code in codes)
    assert max(Counter(code[0] for code in codes).values()) < 400


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_code_is_good_for_its_case_alone(one: str, other: str) -> None:
    kept = confirmation_digest(one, "123456")
    assert verify_code(one, kept, "123 456")
    assert not verify_code(one, kept, "123457")
    assert verify_code(one, confirmation_digest(one, "100601"), "lOo 6oI")
    assert verify_code(other, kept, "123456") == (one == other)


@pytest.mark.parametrize(
    "typed",
    ["012345", " 012 345", "012\u2011345", "٠١٢٣٤٥", "۰۱۲۳۴۵", "０１２３４５", "\u202d012345\u202c", "0 1 2 3 4 5"],
)
def test_a_confirmation_code_is_right_in_digits_of_any_script(typed: str) -> None:
    kept = confirmation_digest("case-1", "012345")
    assert verify_code("case-1", kept, typed)
    assert not verify_code("case-1", kept, typed + "0")


def test_no_kind_of_code_passes_for_another() -> None:
    assert len({continuation_digest("c:1"), confirmation_digest("c", "1"), confirmation_digest("c:1", "")}) == 3


# --- notes ---


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ("Passport cover is worn, photo page fine.", None),
        ("Born 12/03/1990, said 2 March first; called back at 10:30 on 2027-01-15.", None),
        ("Moved in 2019. Third call in 2 days, 45 minutes.", None),
        ("A long-time well-known user, self-made.", None),
        ("Typed code 123456", "code"),
        ("code is 12 34 56", "code"),
        ("pin? 0471", "code"),
        ("they read 8M2K-XW4P-77QR-BCDF to me", "code"),
        ("8m2k xw4p 77qr bcdf", "code"),
        ("token Zk3vQ9aLm2x1", "code"),
        ("card 4111 1111 1111 1111", "card"),
        ("4111-1111-1111-1111 shown", "card"),
        ("card 4111.1111.1111.1111", "card"),
        ("their password is hunter", "password"),
        ("said the pass phrase twice", "password"),
        ("rhoddodd ei gyfrinair: cyfrinair hir", "password"),
        ("mother's maiden name asked", "password"),
    ],
)
def test_a_note_holds_no_codes_passwords_or_card_numbers(note: str, why: str | None) -> None:
    assert lint_note(note) == why or (why == "code" and lint_note(note) == "password")


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ("card 4111\u20111111\u20111111\u20111111", "card"),
        ("card ٤١١١ ١١١١ ١١١١ ١١١١", "card"),
        ("card 4111\u200b1111\u200b1111\u200b1111", "card"),
        ("code ۱۲۳۴۵۶", "code"),
        ("code １２３４５６", "code"),
        ("8M2K\u2011XW4P\u201177QR\u2011BCDF", "code"),
        ("their pass\u200bword", "password"),
    ],
)
def test_a_note_does_not_hide_a_number_in_other_digits_hyphens_or_invisible_characters(note: str, why: str) -> None:
    assert lint_note(note) == why


PROSE = st.text(string.ascii_letters + " ,.;äŵ", max_size=30)


@given(PROSE, PROSE, st.integers(0, 999999))
def test_a_confirmation_code_in_a_note_is_always_seen(before: str, after: str, code: int) -> None:
    assert lint_note(f"{before} {code:06} {after}") is not None


@given(PROSE, PROSE, st.integers(0, 2**32))
def test_a_continuation_code_in_a_note_is_seen(before: str, after: str, seed: int) -> None:
    def draw(count: int) -> bytes:
        return (seed.to_bytes(8) * count)[3 : count + 3]

    code = new_user_code(System(now=lambda: 0.0, random_bytes=draw), 16)
    assume(any(c.isdigit() for c in code))
    assert lint_note(f"{before} {code} {after}") is not None
    assert lint_note(f"{before} {code.lower()} {after}") is not None


@given(PROSE, st.lists(st.integers(0, 9), min_size=15, max_size=15))
def test_a_card_number_in_a_note_is_always_seen_as_one(before: str, digits: list[int]) -> None:
    weighed = [2 * d - 9 * (d > 4) if i % 2 == 0 else d for i, d in enumerate(digits)]
    number = "".join(map(str, digits)) + str(-sum(weighed) % 10)
    spaced = " ".join(number[i : i + 4] for i in range(0, 16, 4))
    assert lint_note(f"{before} {spaced}") == "card"


@given(st.text(string.ascii_lowercase + " ,.", max_size=80))
def test_plain_prose_passes_unless_it_speaks_of_secrets(note: str) -> None:
    assert lint_note(note) in (None, "password")
