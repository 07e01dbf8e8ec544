"""A case as one member of staff may see it: redacted for their role, with the actions that they may take now."""

from collections.abc import Iterator
from dataclasses import replace

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.permissions import allowed_actions, role_in_case
from broker.actions.assisted.staff_results import CaseRole, CaseView, CaseWarning
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Decision, Verdict
from broker.assisted.case_states import CaseState
from broker.assisted.erasure import erased
from broker.assisted.levels import Assessment, assess
from broker.assisted.transitions import TransitionRefused, refusal
from broker.model.staff import StaffMember
from broker.normalize.text import name_key


def case_view(context: CaseContext, case: Case, member: StaffMember) -> CaseView:
    """The case for one member of staff. Without a role in it they get what a visitor sees, and no actions."""
    now, rules = context.system.now(), context.rules
    role, assessment = role_in_case(case, member, now), assess(case, rules.profiles)
    actions = allowed_actions(rules, case, member, now)
    deciding = role is CaseRole.AGENT and case.state in (CaseState.IN_SESSION, CaseState.DECISION)
    return CaseView(
        redact_for(case, member, role),
        role,
        assessment,
        actions,
        warnings=() if role in (CaseRole.VISITOR, CaseRole.NONE) else tuple(_warnings(case, member)),
        refused_decisions=dict(_refused_decisions(context, case, member, assessment)) if deciding else {},
    )


def redact_for(case: Case, member: StaffMember, role: CaseRole) -> Case:
    """The case without what this member of staff must not see.

    A reviewer sees the agent's verdict, and the agent's notes, only after their own independent review. An agent sees
    their own flags alone. Only a lead or an auditor sees a complaint. A visitor sees no personal data.
    """
    match role:
        case CaseRole.OVERSEER:
            return case
        case CaseRole.AGENT:
            own = tuple(flag for flag in case.flags if flag.by == member.id)
            return replace(case, flags=own, complaint=None)
        case CaseRole.REVIEWER:
            if case.independent_review is not None:
                return replace(case, complaint=None)
            asked = tuple(thread for thread in case.threads if thread.by == member.id)
            return replace(_without_verdict(case), complaint=None, threads=asked)
        case CaseRole.VISITOR | CaseRole.NONE:
            return replace(_without_verdict(erased(case)), flags=(), lease=case.lease)


def _without_verdict(case: Case) -> Case:
    history = tuple(
        replace(m, reason="") if m.event in ("decided", "recommended", "reviewed") else m for m in case.history
    )
    return replace(case, verdict=None, second_review_reasons=(), notes=(), threads=(), history=history)


def _warnings(case: Case, member: StaffMember) -> Iterator[CaseWarning]:
    claims = case.details.claims
    given, family = (name_key(claims.get(name, "")).split() for name in ("given_name", "family_name"))
    own = name_key(member.name).split()
    if own and (family or given) and own[-1] == (family or given)[-1]:
        yield CaseWarning.SAME_NAME if (given or family)[0] == own[0] else CaseWarning.SAME_FAMILY_NAME
    if case.safety.unsafe:
        yield CaseWarning.UNSAFE_TO_CALL
    if case.safety.someone_with_me:
        yield CaseWarning.SOMEONE_WITH_CITIZEN


def _refused_decisions(
    context: CaseContext, case: Case, member: StaffMember, assessment: Assessment
) -> Iterator[tuple[Decision, TransitionRefused]]:
    """The decisions that the rules would refuse with what is recorded now. In a session: if it ended now."""
    now, deciding = context.system.now(), replace(case, state=CaseState.DECISION)
    for decision in Decision:
        reasons = () if decision is Decision.APPROVE else ("",)
        event = ev.Decided(Verdict(member.id, now, decision, reasons, level=assessment.level))
        why = refusal(deciding, event, now, context.rules.policy)
        if why is not None:
            yield decision, why
