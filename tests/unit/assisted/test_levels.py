"""Level of assurance from recorded evidence: scores, caps, and missing requirements."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.assisted.case import Case
from broker.assisted.case_records import (
    Channel,
    CheckOutcome,
    CheckRecord,
    Contact,
    ContactMethod,
    Details,
    EvidenceRecord,
    IdentityBinding,
    LookUp,
)
from broker.assisted.levels import MissingRequirement, Requirement, Scored, Scores, assess, score, unmet_requirements
from broker.assisted.profiles import AssuranceProfile, EvidenceRequirement, default_profiles
from broker.assisted.verified_identity import identity, verifiable, verification
from broker.model.assurance import EvidenceType, Level
from tests.unit.assisted.cases import AGENT, NOW, draft, verdict

PROFILES = default_profiles()
ISSUER = "https://broker.example/assisted"


def checks(text: str) -> tuple[CheckRecord, ...]:
    """Checks as "seen valid -face ?record": yes, yes, no, could not."""
    signs = {"-": CheckOutcome.NO, "?": CheckOutcome.COULD_NOT}
    return tuple(
        CheckRecord(
            word.lstrip("-?"), signs.get(word[0], CheckOutcome.YES), AGENT, NOW, "why" if word[0] in signs else None
        )
        for word in text.split()
    )


def recorded(kind: str, text: str, evidence_id: str = "", **details: str) -> EvidenceRecord:
    """A piece of evidence with its checks."""
    piece_type = PROFILES.kinds[kind].type
    return EvidenceRecord(evidence_id or kind, kind, piece_type, AGENT, NOW, details, checks(text))


def case_with(
    channel: Channel = Channel.IN_PERSON, person: str = "", level: Level = Level.SUBSTANTIAL, **evidence: str
) -> Case:
    """A case with some evidence (kind="its checks") and checks of the person."""
    records = tuple(recorded(kind, text) for kind, text in evidence.items())
    return replace(draft(level), channel=channel, checks=checks(person), evidence=records)


TODAY, YESTERDAY = "2027-01-15", "2027-01-14"
"""The day of NOW, and the day before it."""

GOOD = "seen valid features details_match face"
FRAUD = "not_reported"
ACTIVE = "active_months active_years"


@pytest.mark.parametrize(
    ("channel", "person", "evidence", "level", "profile"),
    [
        # one strong document
        (Channel.IN_PERSON, FRAUD, {"passport": f"{GOOD} chip"}, Level.HIGH, "H1A"),
        (Channel.VIDEO, FRAUD, {"passport": f"{GOOD} chip"}, Level.SUBSTANTIAL, "M1A"),
        (Channel.IN_PERSON, f"{FRAUD} {ACTIVE}", {"driving_licence": f"{GOOD} light"}, Level.HIGH, "H1B"),
        (Channel.IN_PERSON, f"{FRAUD} {ACTIVE}", {"driving_licence": f"{GOOD} record"}, Level.SUBSTANTIAL, "H1B"),
        (Channel.VIDEO, f"{FRAUD} not_deceased active_months", {"passport": GOOD}, Level.SUBSTANTIAL, "M1B"),
        (Channel.VIDEO, FRAUD, {"passport": GOOD}, Level.LOW, "L1A"),
        # two documents
        (
            Channel.VIDEO,
            f"{FRAUD} active_months",
            {"passport": GOOD, "birth_certificate": "seen details_match record"},
            Level.SUBSTANTIAL,
            "M2B",
        ),
        (
            Channel.IN_PERSON,
            FRAUD,
            {"passport": GOOD, "birth_certificate": "seen details_match record"},
            Level.SUBSTANTIAL,
            "M2C",
        ),
        # by telephone
        (Channel.PHONE, FRAUD, {"bank_statement": "details_match record contact_match"}, Level.LOW, "L1A"),
        (Channel.PHONE, FRAUD, {"bank_statement": "details_match record"}, None, None),
        # a vouch alone
        (
            Channel.IN_PERSON,
            f"{FRAUD} {ACTIVE}",
            {"vouch": "voucher_known voucher_sure voucher_apart details_match face"},
            Level.LOW,
            "L1A",
        ),
        # something is wrong
        (Channel.IN_PERSON, FRAUD, {"passport": "seen valid -features details_match face chip"}, None, None),
        (Channel.IN_PERSON, FRAUD, {"passport": "seen valid features details_match -face chip"}, None, None),
        (Channel.IN_PERSON, "-not_reported", {"passport": f"{GOOD} chip"}, None, None),
        (Channel.IN_PERSON, f"{FRAUD} -not_deceased", {"passport": f"{GOOD} chip"}, None, None),
        (Channel.IN_PERSON, "", {"passport": f"{GOOD} chip"}, None, None),
        (Channel.IN_PERSON, FRAUD, {"passport": "seen valid features details_match ?face"}, None, None),
        (Channel.IN_PERSON, FRAUD, {}, None, None),
    ],
)
def test_the_level_follows_from_evidence_checks_and_channel(
    channel: Channel, person: str, evidence: Mapping[str, str], level: Level | None, profile: str | None
) -> None:
    found = assess(case_with(channel, person, **evidence), PROFILES)
    assert (found.level, found.profile) == (level, profile)


@pytest.mark.parametrize(
    ("channel", "extra", "cap"),
    [
        (Channel.PHONE, "", Level.LOW),
        (Channel.PHONE_AND_POST, "chip light", Level.LOW),
        (Channel.VIDEO, "chip light", Level.SUBSTANTIAL),
        (Channel.IN_PERSON, "", Level.SUBSTANTIAL),
        (Channel.IN_PERSON, "chip", Level.HIGH),
        (Channel.IN_PERSON, "light", Level.HIGH),
        (Channel.IN_PERSON, "-chip", Level.SUBSTANTIAL),
    ],
)
def test_each_channel_carries_so_far_and_no_further(channel: Channel, extra: str, cap: Level) -> None:
    assert assess(case_with(channel, FRAUD, passport=f"{GOOD} {extra}"), PROFILES).cap is cap


@pytest.mark.parametrize(
    ("expires", "grace_days", "expired"),
    [
        ("2031-04-09", 0, False),
        (TODAY, 0, False),
        (YESTERDAY, 0, True),
        (YESTERDAY, 1, False),
        ("1999-01-01", 0, True),
        ("no date", 0, True),
        ("", 0, False),
    ],
)
@pytest.mark.parametrize("kind", ["passport", "driving_licence", "identity_card"])
def test_an_expired_document_has_no_validity(kind: str, expires: str, grace_days: int, *, expired: bool) -> None:
    kinds = {name: replace(one, grace_days=grace_days) for name, one in PROFILES.kinds.items()}
    profiles = replace(PROFILES, kinds=kinds)
    case = replace(case_with(person=FRAUD), evidence=(recorded(kind, f"{GOOD} chip", expires=expires),))
    found = assess(case, profiles)
    assert found.scores.evidence[0].expired is expired
    assert (found.scores.evidence[0].validity == 0) is expired
    assert (found.scores.verification == 0) is expired
    if expired:
        assert found.level is None


def test_the_date_of_expiry_is_compared_with_the_day_of_recording() -> None:
    piece = recorded("passport", f"{GOOD} chip", expires=TODAY)
    later = replace(piece, at=NOW + 24 * 3600)
    case = case_with(person=FRAUD)
    assert assess(replace(case, evidence=(piece,)), PROFILES).level is Level.HIGH
    assert assess(replace(case, evidence=(later,)), PROFILES).level is None


def test_before_a_session_only_the_lowest_level_could_be_reached() -> None:
    assert assess(replace(case_with(), channel=None), PROFILES).cap is Level.LOW


def test_a_vouch_beside_a_document_is_not_capped() -> None:
    case = case_with(person=FRAUD, passport=f"{GOOD} chip", vouch="voucher_known")
    assert assess(case, PROFILES).cap is Level.HIGH


def test_one_piece_of_evidence_counts_once() -> None:
    twice = PROFILES.profiles["M2A"]
    once = score(case_with(person=f"{FRAUD} not_deceased {ACTIVE}", passport=GOOD), PROFILES)
    assert unmet_requirements(twice, once) == (
        MissingRequirement(Requirement.EVIDENCE, 1, 0, EvidenceRequirement(2, 2)),
    )
    other = score(
        case_with(
            person=f"{FRAUD} not_deceased {ACTIVE}", passport=GOOD, birth_certificate="seen features details_match"
        ),
        PROFILES,
    )
    assert unmet_requirements(twice, other) == ()


@given(st.permutations([(4, 2), (3, 2), (2, 2)]), st.permutations([(2, 2), (4, 1), (3, 2)]))
def test_evidence_is_given_to_the_pieces_in_the_best_way_whatever_the_order(
    pieces: list[tuple[int, int]], evidence: list[tuple[int, int]]
) -> None:
    profile = AssuranceProfile(Level.LOW, tuple(EvidenceRequirement(*piece) for piece in pieces), 0, 0, 0)
    scores = Scores(tuple(Scored(str(i), *one) for i, one in enumerate(evidence)))
    assert [lack.piece for lack in unmet_requirements(profile, scores)] == [EvidenceRequirement(4, 2)]


def test_what_is_missing_names_the_piece_the_score_and_the_channel() -> None:
    case = case_with(Channel.PHONE, FRAUD, passport="valid")
    nearest = assess(case, PROFILES).ways
    assert nearest[0].profile == "M1A"
    assert nearest[0].lacks == (
        MissingRequirement(Requirement.EVIDENCE, 1, 0, EvidenceRequirement(4, 2)),
        MissingRequirement(Requirement.VERIFICATION, 2, 0),
        MissingRequirement(Requirement.CHANNEL, Level.SUBSTANTIAL, Level.LOW),
    )


def test_nothing_is_said_to_be_missing_where_the_asked_level_is_reached() -> None:
    assert assess(case_with(person=FRAUD, passport=f"{GOOD} chip"), PROFILES).ways == ()


def test_a_face_match_on_invalid_evidence_gives_no_verification_score() -> None:
    assert score(case_with(person=FRAUD, passport="face"), PROFILES).verification == 0


def test_evidence_of_a_kind_that_is_no_longer_known_counts_nothing() -> None:
    odd = replace(recorded("passport", GOOD), kind="library_card")
    assert score(replace(case_with(), evidence=(odd,)), PROFILES).evidence[0].strength == 0


ALL_CHECKS = st.lists(
    st.tuples(st.sampled_from(sorted(PROFILES.checks)), st.sampled_from(list(CheckOutcome))),
    max_size=10,
    unique_by=lambda p: p[0],
)


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    """Any evidence with any checks, in any channel."""

    def some() -> tuple[CheckRecord, ...]:
        return tuple(CheckRecord(name, outcome, AGENT, NOW) for name, outcome in draw(ALL_CHECKS))

    kinds = draw(st.lists(st.sampled_from(sorted(PROFILES.kinds)), max_size=3))
    evidence = tuple(replace(recorded(kind, ""), id=str(i), checks=some()) for i, kind in enumerate(kinds))
    channel = draw(st.sampled_from([None, *Channel]))
    return replace(draft(draw(st.sampled_from(Level))), channel=channel, checks=some(), evidence=evidence)


@given(any_case())
def test_no_level_is_above_the_cap_and_none_without_evidence(case: Case) -> None:
    found = assess(case, PROFILES)
    assert found.level is None or found.level <= found.cap
    assert found.level is None or case.evidence
    assert (found.level is None) == (found.profile is None)
    assert bool(found.ways) == (found.level is None or found.level < case.level)
    for way in found.ways:
        assert way.lacks or found.scores.stopped


@given(any_case(), st.data())
def test_a_yes_that_turns_into_something_else_never_raises_the_level(case: Case, data: st.DataObject) -> None:
    yes = [(e, c) for e in case.evidence for c in e.checks if c.outcome is CheckOutcome.YES]
    if not yes:
        return
    evidence, check = data.draw(st.sampled_from(yes))
    other = replace(check, outcome=data.draw(st.sampled_from([CheckOutcome.NO, CheckOutcome.COULD_NOT])))
    worse = replace(evidence, checks=tuple(other if c is check else c for c in evidence.checks))
    weaker = replace(case, evidence=tuple(worse if e is evidence else e for e in case.evidence))
    assert (assess(weaker, PROFILES).level or 0) <= (assess(case, PROFILES).level or 0)


# --- verification record for a service ---


def bound(**binding: Any) -> Case:
    """An approved and bound case."""
    said = replace(verdict(level=Level.HIGH), profile="H1A")
    taken = {"asking_browser": True, "code": True, "words": True, "way": ContactMethod.EMAIL} | binding
    return replace(
        case_with(person=FRAUD),
        evidence=(
            recorded(
                "passport",
                f"{GOOD} chip ?record",
                id="e1",
                number="X1234",
                country="GBR",
                expires="2030-01-01",
                odd="x",
            ),
        ),
        contact=Contact(ContactMethod.EMAIL, "ada@example.org"),
        details=Details({"given_name": "Ada", "family_name": "Example", "birthdate": "1990-01-02", "address": "1 Way"}),
        verdict=said,
        binding=IdentityBinding("subject-1", NOW + 60, Level.SUBSTANTIAL, ("otp",), **taken),
    )


def test_the_identity_has_the_lower_of_both_levels_and_the_words_of_what_the_citizen_did() -> None:
    who = identity(bound(), ISSUER, PROFILES)
    assert (who.provider, who.issuer, who.subject) == ("help", ISSUER, "subject-1")
    assert (who.level, who.amr, who.auth_time) == (Level.SUBSTANTIAL, ("otp",), int(NOW + 60))
    assert who.verification is not None
    assert who.verification.level is Level.HIGH


def test_the_claims_are_the_confirmed_details_and_the_address_the_code_proved() -> None:
    assert identity(bound(), ISSUER, PROFILES).claims == {
        "given_name": "Ada",
        "family_name": "Example",
        "name": "Ada Example",
        "birthdate": "1990-01-02",
        "address": {"formatted": "1 Way"},
        "email": "ada@example.org",
        "email_verified": True,
    }


@pytest.mark.parametrize("binding", [{"code": False}, {"way": ContactMethod.POST}, {"way": None}])
def test_a_contact_address_that_no_code_proved_is_not_released(binding: dict[str, Any]) -> None:
    assert "email" not in identity(bound(**binding), ISSUER, PROFILES).claims


def test_the_verification_names_checks_and_methods_and_no_staff() -> None:
    verified = verification(bound(), PROFILES)
    assert (verified.trust_framework, verified.policy, verified.procedure) == (
        "portico_assisted",
        PROFILES.policy,
        "H1A",
    )
    assert (verified.process, verified.time) == ("ABCD-2345", int(NOW))
    assert verified.claims == ("address", "birthdate", "family_name", "given_name", "name")
    [document] = verified.evidence
    assert document.type is EvidenceType.DOCUMENT
    assert document.details == {"type": "passport", "issuer": {"country_code": "GBR"}, "date_of_expiry": "2030-01-01"}
    assert {check.check_method for check in document.checks} == {"vpip", "vcrypt", "pvp"}
    assert AGENT not in repr(verified)
    assert "X1234" not in repr(verified)


def test_the_scores_name_the_checks_that_they_rest_on() -> None:
    case = bound()
    looked_up = LookUp("register", "A register that was typed", "R-1", NOW)
    by_program = LookUp("history", "Credit bureau", "C-2", NOW, connector=True)
    yes = CheckOutcome.YES
    person = (
        CheckRecord("not_reported", yes, AGENT, NOW, lookup=looked_up),
        CheckRecord("active_months", yes, AGENT, NOW, lookup=by_program),
    )
    verified = verification(replace(case, checks=person), PROFILES)
    [document, history, register] = verified.evidence
    assert (history.details, register.details) == ({"type": "activity_history"}, {"type": "fraud_register"})
    assert [check.organization for check in (*history.checks, *register.checks)] == ["Credit bureau", None]
    assert "A register that was typed" not in repr(verified)
    named = {check.check_id for piece in verified.evidence for check in piece.checks}
    scores = {detail.type: detail for detail in verified.assurance}
    assert {name: detail.classification for name, detail in scores.items()} == {
        "evidence_validation": "score_3",
        "verification": "score_3",
        "counter_fraud": "score_1",
        "activity": "score_1",
    }
    assert {check for detail in verified.assurance for check, _ in detail.checks} <= named
    assert scores["verification"].checks == ((f"{case.evidence[0].id}.face", ""),)
    assert document.type is EvidenceType.DOCUMENT


@pytest.mark.parametrize(("typed", "code"), [("gbr", "GBR"), ("D", "DEU"), ("United Kingdom", None), ("G8R", None)])
def test_a_country_leaves_as_a_code_or_not_at_all(typed: str, code: str | None) -> None:
    case = bound()
    [piece] = case.evidence
    piece = replace(piece, details={"country": typed})
    [document] = verification(replace(case, evidence=(piece,)), PROFILES).evidence
    assert document.details == {"type": "passport"} | ({} if code is None else {"issuer": {"country_code": code}})


def test_of_a_voucher_the_office_and_the_organization_leave_and_no_name() -> None:
    details = {
        "name": "Ruth Adeyemi",
        "office": "doctor",
        "organization": "Riverside Surgery",
        "declared": "2027-01-14",
    }
    vouch = recorded("vouch", "voucher_known voucher_sure voucher_apart details_match face", **details)
    case = bound()
    found = verification(replace(case, evidence=(*case.evidence, vouch)), PROFILES).evidence[1]
    assert found.details == {
        "type": "written_attestation",
        "voucher": {"occupation": "doctor", "organization": "Riverside Surgery"},
        "date_of_issuance": "2027-01-14",
    }


def test_evidence_that_failed_is_not_named_to_the_service() -> None:
    case = bound()
    case = replace(case, evidence=(*case.evidence, recorded("vouch", "-voucher_known ?voucher_sure")))
    assert [evidence.type for evidence in verification(case, PROFILES).evidence] == [EvidenceType.DOCUMENT]


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("kind", sorted(PROFILES.kinds))
def test_whatever_evidence_a_case_has_was_announced(kind: str, channel: Channel) -> None:
    announced = verifiable(PROFILES, ("given_name", "family_name", "birthdate", "address"))
    every_check = recorded(kind, " ".join(PROFILES.kinds[kind].checks))
    verified = verification(replace(bound(), evidence=(every_check,), channel=channel), PROFILES)
    [piece] = verified.evidence
    assert verified.trust_framework in announced.frameworks
    assert set(verified.claims) <= announced.claims
    assert piece.details["type"] in announced.kinds[piece.type]
    assert {check.check_method for check in piece.checks} <= announced.methods


@pytest.mark.parametrize("wrong", [{"binding": None}, {"erased": True}, {"verdict": None}])
def test_what_is_not_bound_has_no_identity(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"the case (is not bound, or was erased|was not approved)"):
        identity(replace(bound(), **wrong), ISSUER, PROFILES)
