"""The one action of a connector: ask a source about a person or a piece of evidence, and record its answer."""

import logging
from typing import Final

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.editing import edit_case, load_permitted
from broker.actions.assisted.evidence_input import recorded_by_staff
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import CaseRef, CaseView, EditRefused, InputError, InvalidInput, StaffAction
from broker.actions.connectors.ports import Connector
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.look_ups import answered, question, with_checks
from broker.assisted.transitions import TransitionRefused
from broker.model.look_up import LookUpFailed

_log: Final = logging.getLogger("portico.connectors")


async def ask_source(
    context: CaseContext, connector: Connector, who: StaffPrincipal, ref: CaseRef, piece: str
) -> CaseView | EditRefused:
    """Asks a source about a piece of evidence, or about the person if `piece` is "", and records what it answers."""
    case = await load_permitted(context, who, StaffAction.RECORD, ref)
    if not isinstance(case, Case):
        return case
    profiles, settings = context.rules.profiles, connector.settings
    evidence = recorded_by_staff(case, profiles, piece) if piece else None
    asked = None if piece and evidence is None else question(case, settings, profiles, evidence)
    if asked is None:
        return InvalidInput({settings.lookup: InputError.NOTHING_TO_ASK})
    answer = await connector.look_up(asked)
    if isinstance(answer, LookUpFailed):
        _log.warning("source_failed", extra={"lookup": settings.lookup, "why": answer.why})
        return InvalidInput({settings.lookup: InputError.SOURCE_DOWN})
    checks = answered(asked, answer, settings, who.member.id, context.system.now())

    async def make(now: Case) -> ev.ByStaff | EditRefused:
        if evidence is None:
            return ev.ChecksRecorded(who.member.id, checks)
        if evidence not in now.evidence:
            return TransitionRefused.NOT_NOW
        return ev.EvidenceRecorded(who.member.id, with_checks(evidence, checks))

    return await edit_case(context, who, StaffAction.RECORD, ref, make)
