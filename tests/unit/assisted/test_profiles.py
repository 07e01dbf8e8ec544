"""The file of profiles: its words, its references, and how far help from a person carries by it."""

from dataclasses import replace
from typing import Any

from broker.assisted.profiles import default_profiles, read
from broker.model.assurance import Level

PROFILES = default_profiles()


def test_every_shipped_kind_check_and_field_has_its_words_in_english_and_welsh() -> None:
    kinds = [kind.text for kind in PROFILES.kinds.values()]
    texts = [*kinds, *(check.text for check in PROFILES.checks.values())]
    texts += [field.text for kind in PROFILES.kinds.values() for field in kind.fields.values()]
    assert all(text.keys() >= {"en", "cy"} and all(text.values()) for text in texts)


def test_a_file_that_names_what_is_not_there_is_refused_with_every_problem() -> None:
    table: dict[str, Any] = {
        "version": "x",
        "framework": "f",
        "policy": "p",
        "person": ["mood"],
        "kinds": {
            "card": {
                "text": {"en": "Card"},
                "type": "document",
                "subtype": "idcard",
                "checks": ["seen"],
                "strength": [{"score": 2, "needs": ["seen", "shine"]}],
                "validity": [{"score": 2, "needs": ["late"]}],
            }
        },
        "checks": {"seen": {"text": {"en": "Seen"}, "methods": {"video": "vri"}}, "late": {"text": {}, "methods": {}}},
        "activity": [],
        "fraud": [],
        "verification": [],
        "profiles": {},
        "caps": {"video": {"level": "low"}},
        "authentication": {"code": "low", "live": "low"},
    }
    _, problems = read(table)
    text = "\n".join(str(problem) for problem in problems)
    for expected in ('"mood" is not a check', '"shine" is not a check', "late (not on its checklist)", "caps.phone"):
        assert expected in text


def test_a_score_beyond_four_is_refused() -> None:
    _, problems = read({"activity": [{"score": 5}]})
    assert any(problem.path == "activity[0].score" for problem in problems)


def test_help_from_a_person_cannot_carry_further_than_the_way_the_identity_is_taken_up() -> None:
    assert PROFILES.highest is Level.SUBSTANTIAL
    stronger = replace(PROFILES, authentication=replace(PROFILES.authentication, live=Level.HIGH))
    assert stronger.highest is Level.HIGH
