"""Activity: which audit rows a citizen reads, and that no name of a member of staff is among it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.account.activity import KINDS, LOOKED, WORKED, ActivityGroup, activity
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.web.citizens import own_activity


def test_a_row_of_a_sign_in_says_service_way_level_and_what_was_shared() -> None:
    details = {"level": "high", "claims": "birthdate name", "path": "own"}
    seen = activity(AuditEvent("service_answered", 1.0, "citizen", client_id="tax", provider="bank", details=details))
    assert seen is not None
    assert (seen.group, seen.client_id, seen.provider) == (ActivityGroup.SIGN_INS, "tax", "bank")
    assert (seen.level, seen.claims) == (Level.HIGH, ("birthdate", "name"))


@pytest.mark.parametrize(
    ("kind", "actor", "expected"),
    [
        ("case_opened", "staff:rhys", LOOKED),
        ("case_decided", "staff:rhys", WORKED),
        ("case_visited", "desk:post:7:jo", WORKED),
        ("case_submitted", "citizen", None),
        ("case_expired", "broker", None),
    ],
)
def test_of_a_person_the_role_and_the_office_are_shown(kind: str, actor: str, expected: str | None) -> None:
    seen = activity(AuditEvent(kind, 1.0, actor, details={"role": "agent", "location": "north", "reason": "rhys"}))
    if expected is None:
        assert seen is None
    else:
        assert seen is not None
        assert (seen.kind, seen.role, seen.office) == (expected, "agent", "north")


@given(
    st.sampled_from([*KINDS, "case_opened", "staff_read", "reload_asked"]), st.sampled_from(["staff:rhys", "desk:jo"])
)
def test_no_entry_ever_names_who_it_was(kind: str, actor: str) -> None:
    assert actor.partition(":")[2] not in repr(activity(AuditEvent(kind, 1.0, actor, account="a")))


def test_rows_that_are_not_for_citizens_are_left_out() -> None:
    for kind in ("staff_read", "epoch_raised", "code_redeemed", "stream_created"):
        assert activity(AuditEvent(kind, 1.0, "broker", account="a")) is None


def test_every_kind_group_and_role_has_its_words() -> None:
    assert set(own_activity.TEXTS) == set(KINDS)
    assert set(own_activity.GROUPS) == {"", *ActivityGroup}
