"""Rules of cases that renew a kept identity, or bind it again after its passkeys were lost."""

from dataclasses import replace

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import CasePolicy
from broker.assisted.former import CasePurpose


def matched(case: Case) -> bool:
    """Whether an agent found that what is kept agrees with the evidence; true for a new identity, which has none."""
    if case.purpose is CasePurpose.NEW:
        return True
    return case.former is not None and case.former.confirmed is not None


def unmatched(case: Case) -> Case:
    """The case after its evidence or details changed: staff compare again. The identity that the citizen signed in to,
    to renew it, stays the same one; that of a lost passkey is looked for again.
    """
    former = case.former
    if former is None or former.confirmed is None:
        return case
    renewed = replace(former, confirmed=None) if case.purpose is CasePurpose.RENEWAL else None
    return replace(case, former=renewed)


def confirmed(case: Case, event: ev.FormerConfirmed) -> Case:
    """The case after an agent compared."""
    return replace(case, former=replace(event.former, confirmed=event.by))


def may_confirm(case: Case, event: ev.FormerConfirmed) -> bool:
    """Whether the kept identity of a comparison can be that of the case."""
    if case.purpose is CasePurpose.NEW or not case.details.claims:
        return False
    return case.former is None or case.former.key == event.former.key


def binds_from(case: Case, policy: CasePolicy) -> float:
    """The moment from which the case can be bound: a rebind waits, so that the person whose identity it is can stop it
    by the notice of its approval. Other cases wait for nothing.
    """
    if case.purpose is not CasePurpose.REBIND or case.state is not CaseState.APPROVED:
        return 0.0
    return case.changed + policy.rebind_wait
