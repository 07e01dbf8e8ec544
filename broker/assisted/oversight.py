"""What leads are asked and told of a case: flags to acknowledge, and questions with their answers."""

from dataclasses import replace

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Note, Thread


def open_question(case: Case) -> bool:
    """Whether the last question to the leads has no answer yet."""
    return bool(case.threads) and case.threads[-1].answered is None


def unseen_flags(case: Case) -> bool:
    """Whether a flag waits for a lead who acknowledges it."""
    return any(flag.seen is None for flag in case.flags)


def overseen(case: Case, event: ev.Noted | ev.Acknowledged | ev.LeadAsked | ev.LeadAnswered, now: float) -> Case:
    """The case after a note, or an event between staff and leads."""
    match event:
        case ev.Noted(by, text):
            return replace(case, notes=(*case.notes, Note(by, now, text)))
        case ev.Acknowledged(by):
            return replace(case, flags=tuple(flag if flag.seen else replace(flag, seen=by) for flag in case.flags))
        case ev.LeadAsked(by, text):
            return replace(case, threads=(*case.threads, Thread(by, now, text)))
        case ev.LeadAnswered(by, text):
            answered = replace(case.threads[-1], answer=text, answered_by=by, answered=now)
            return replace(case, threads=(*case.threads[:-1], answered))
