"""Verification by a person: what work on cases stands on."""

from collections.abc import Iterable
from dataclasses import replace

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.assisted.context import CaseContext, CaseRules, CaseStores, PromptSettings
from broker.actions.assisted.evidence_input import DETAILS
from broker.actions.assisted.staff_login import LoginPolicy, LoginRecords, StaffLogin
from broker.actions.attempt_log import AttemptLog
from broker.actions.counts import CountedAudit, CountedCases, CountedQuestions
from broker.actions.sign_in.desk import Desk
from broker.app.notifying import notifier
from broker.app.parts import Parts
from broker.assisted import statement
from broker.assisted.case import Way
from broker.assisted.clocks import Hours, Terms
from broker.assisted.profiles import Profiles, shipped
from broker.model.assurance import Verifiable, together
from broker.settings import Settings, Staff
from broker.stores.sql.digests import Purpose
from providers import KINDS, Ground


def case_context(parts: Parts) -> CaseContext:
    """What every verb around a case needs."""
    broker, digests = parts.settings.broker, parts.facts.digests

    def fingerprint(text: str) -> str:
        return digests.mac(Purpose.CASE_MARK, text).hex()

    return CaseContext(
        stores=CaseStores(
            cases=CountedCases(parts.facts.cases, parts.meters),
            questions=CountedQuestions(parts.facts.questions, parts.meters),
            audit=CountedAudit(parts.facts.audit, parts.meters),
        ),
        rules=CaseRules(f"{broker.issuer}/assisted", terms(parts), profiles(parts.settings), broker.region),
        prompts=PromptSettings(
            confirm=f"{broker.issuer}/confirm",
            name=broker.name,
            ways=frozenset() if (sending := notifier(broker.notifications)) is None else sending.ways,
        ),
        fingerprint=fingerprint,
        ambient=parts.ambient,
    )


def profiles(settings: Settings) -> Profiles:
    """What evidence is worth, under the rules this broker is under."""
    return replace(shipped(), framework=settings.broker.trust_framework)


def verifiable(settings: Settings, providers: Iterable[Verifiable | None]) -> Verifiable:
    """What the providers and, where it is offered, help from a person can say of how they verified somebody."""
    by_hand = statement.verifiable(profiles(settings), DETAILS) if ways(settings) else None
    return together(each for each in (*providers, by_hand) if each is not None)


def ways(settings: Settings) -> frozenset[Way]:
    """How a code can reach a citizen who asks for help; none where help is not offered or there are no staff."""
    sending = notifier(settings.broker.notifications)
    if sending is None or settings.staff is None or not settings.broker.assisted.enabled:
        return frozenset()
    return frozenset(map(Way, sending.ways))


def citizen_cases(parts: Parts, desk: Desk) -> CitizenCases:
    """The citizens' side of help from a person."""
    reached = ways(parts.settings)
    return CitizenCases(desk, case_context(parts), bool(reached), reached)


def staff_login(parts: Parts, staff: Staff) -> StaffLogin:
    """How staff come in: through their own provider, built like any other."""
    entry, sessions = staff.provider, staff.sessions
    return StaffLogin(
        provider=KINDS[entry.kind].build(
            entry.card,
            entry.config,
            Ground(parts.outgoing, parts.ambient, count_malformed=parts.meters.claim_malformed),
        ),
        callback=f"{parts.settings.broker.console}/callback",
        people=staff.people,
        policy=LoginPolicy(staff.level, staff.amr, sessions.idle, sessions.absolute, sessions.decision_max_age),
        records=LoginRecords(
            sessions=parts.facts.staff_sessions,
            audit=CountedAudit(parts.facts.audit, parts.meters),
            attempts=AttemptLog(parts.meters),
        ),
        ambient=parts.ambient,
    )


def terms(parts: Parts) -> Terms:
    """The times and numbers of a case, as configured."""
    asked = parts.settings.broker.assisted
    return Terms(
        draft=asked.draft,
        requested=asked.requested,
        lease=asked.lease,
        review=asked.review,
        bind=asked.bind,
        bind_by_post=asked.bind_by_post,
        max_duration=asked.max_duration,
        collect=asked.collect,
        reuse=asked.reuse,
        redress=asked.redress,
        code_by_phone=asked.code_by_phone,
        code_by_email=asked.code_by_email,
        code_by_post=asked.code_by_post,
        max_code_attempts=asked.max_code_attempts,
        max_codes=asked.max_codes,
        max_evidence_requests=asked.max_evidence_requests,
        random_review=asked.random_review,
        repeated_use=asked.repeated_use,
        hours=Hours(asked.hours.days, asked.hours.opens, asked.hours.closes, asked.hours.time_zone),
    )
