"""Messages about the form that was sent. The URL names the message, and never contains what was typed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language


@dataclass(frozen=True, slots=True)
class FormProblem:
    """A problem as a page shows it. `at` is the id of the element it is about, "" for none."""

    title: str
    text: str
    at: str = ""


_NAME: Final = re.compile(r"[a-z_]{1,40}")
"""The name of a field or a check. Its element has the id `at-<name>`."""

_NOTHING_CHANGED = marked("Nothing was changed")
_PROBLEM = marked("There is a problem")

_PROBLEMS: Mapping[str, FormProblem] = MappingProxyType(
    {
        "again": FormProblem(
            _NOTHING_CHANGED, marked("We could not be sure that this came from you. Do it once more.")
        ),
        "not_now": FormProblem(_NOTHING_CHANGED, marked("That cannot be done with the case as it stands now.")),
        "choice": FormProblem(_PROBLEM, marked("Choose one of the answers"), "main-content"),
        "note": FormProblem(
            _PROBLEM,
            marked("The note looks as if it held a code, a password or a card number. It was not kept."),
            "note",
        ),
        "reason": FormProblem(_PROBLEM, marked("Pick at least one reason that is listed for this"), "reasons"),
        "words": FormProblem(_PROBLEM, marked("Exchange the two words before you approve."), "main-content"),
        "missing": FormProblem(_PROBLEM, marked("Something is missing here. Nothing was saved.")),
        "unknown": FormProblem(_PROBLEM, marked("This was not asked for. Nothing was saved.")),
        "not_in_this_channel": FormProblem(_PROBLEM, marked("This cannot be checked in this way of meeting.")),
        "not_trained": FormProblem(_PROBLEM, marked("This check needs training that you do not have.")),
        "too_long": FormProblem(_PROBLEM, marked("This is too long. Nothing was saved.")),
        "not_a_date": FormProblem(_PROBLEM, marked("Write a real date as year-month-day, such as 1987-04-12.")),
        "not_a_date.birthdate": FormProblem(
            _PROBLEM,
            marked(
                "Write the date of birth as year-month-day, such as 1987-04-12. "
                "If only a part is known, write 1987, or 1987-04, or 0000-04-12."
            ),
        ),
        "not_a_name": FormProblem(
            _PROBLEM, marked("A name has at least one letter. If there is no name, leave it empty.")
        ),
        "not_a_choice": FormProblem(_PROBLEM, marked("Choose one of the answers of the list.")),
        "in_future": FormProblem(_PROBLEM, marked("This date is in the future. Nothing was saved.")),
        "before_issue": FormProblem(_PROBLEM, marked("It cannot expire before it was issued. Nothing was saved.")),
        "before_birth": FormProblem(_PROBLEM, marked("This is before the person was born. Nothing was saved.")),
        "mrz_form": FormProblem(
            _PROBLEM,
            marked("These are not the lines of a machine readable zone: 2 lines of 44 or 36 signs, or 3 of 30."),
        ),
        "mrz_number": FormProblem(
            _PROBLEM, marked("The check digit of the number is wrong. Look at O and 0, I and 1 again.")
        ),
        "mrz_birth": FormProblem(_PROBLEM, marked("The check digit of the date of birth is wrong.")),
        "mrz_expiry": FormProblem(_PROBLEM, marked("The check digit of the date of expiry is wrong.")),
        "mrz_optional": FormProblem(_PROBLEM, marked("The check digit of the personal number is wrong.")),
        "mrz_whole": FormProblem(_PROBLEM, marked("The last check digit, over all of it, is wrong.")),
        "mrz_differs": FormProblem(_PROBLEM, marked("This differs from the machine readable zone. Nothing was saved.")),
        "vouch_relation": FormProblem(_PROBLEM, marked("A person in this relation cannot vouch.")),
        "vouch_too_short": FormProblem(_PROBLEM, marked("The voucher has not known the person for long enough.")),
        "vouch_themselves": FormProblem(_PROBLEM, marked("A person cannot vouch for themselves.")),
        "vouch_too_often": FormProblem(
            _PROBLEM, marked("This person has vouched for as many people as one person may. Ask a lead.")
        ),
        "source_down": FormProblem(
            _PROBLEM, marked("The source did not answer. Try again, look yourself, or answer “could not”.")
        ),
        "nothing_to_ask": FormProblem(
            _PROBLEM,
            marked("Nothing that this source needs is recorded yet. Record the details or document first."),
        ),
        "source": FormProblem(_PROBLEM, marked("Say which source you looked in, and the reference of its answer.")),
        "reference": FormProblem(_PROBLEM, marked("There is no case with exactly this reference."), "reference"),
        "slot_taken": FormProblem(_NOTHING_CHANGED, marked("This time is not free any more. Choose another one.")),
        "nothing": FormProblem(marked("There is nothing to take"), marked("No case waits that you can serve.")),
        "full": FormProblem(
            _NOTHING_CHANGED, marked("You hold as many cases as you may. Finish one, or give one back, first.")
        ),
        "sections": FormProblem(
            _PROBLEM, marked("Answer every section, and not all with “does not apply”."), "main-content"
        ),
        "gone": FormProblem(
            _NOTHING_CHANGED,
            marked("It has a score sheet already, or its time is over and what it rests on is deleted."),
        ),
        "enough": FormProblem(_NOTHING_CHANGED, marked("As many made-up cases as one may have wait already.")),
        "rows": FormProblem(_PROBLEM, marked("Tick at least one case"), "main-content"),
        "found_nothing": FormProblem(
            _PROBLEM, marked("Nothing was found. Ask for it once more: each letter counts."), "text"
        ),
        "view": FormProblem(
            _PROBLEM, marked("Write a name of up to 40 characters. You can keep up to 20 views."), "view"
        ),
        "level": FormProblem(
            _PROBLEM, marked("The evidence does not support the level that was asked."), "main-content"
        ),
        "message": FormProblem(
            _PROBLEM, marked("Write one line of up to 200 characters, without an address of a website."), "message"
        ),
        "asked": FormProblem(_NOTHING_CHANGED, marked("The citizen is being asked already.")),
        "next_time": FormProblem(
            _PROBLEM, marked("Write a time that lies ahead, before the end of the request"), "again"
        ),
        "sent": FormProblem(_NOTHING_CHANGED, marked("This message is being sent just now, or was sent already.")),
        "own": FormProblem(_NOTHING_CHANGED, marked("Your own roles are for others to change.")),
        "same_person": FormProblem(
            _NOTHING_CHANGED, marked("You asked for this change yourself. Another admin has to approve it.")
        ),
        "last_admin": FormProblem(
            _NOTHING_CHANGED,
            marked("This is the last admin, and only admins change roles. Make another person admin first."),
        ),
        "same_roles": FormProblem(_PROBLEM, marked("These are the roles that the person has already."), "roles"),
        "days": FormProblem(_PROBLEM, marked("Choose two days, the first one not in the future."), "first"),
        "no_rows": FormProblem(_NOTHING_CHANGED, marked("Nothing was recorded on these days.")),
        "too_many_rows": FormProblem(
            _NOTHING_CHANGED, marked("These days have too many rows for one export. Ask for fewer days at a time.")
        ),
        "same_export": FormProblem(
            _NOTHING_CHANGED, marked("You asked for this export yourself. Another person has to release it.")
        ),
        "waiting": FormProblem(_NOTHING_CHANGED, marked("A change for this person waits already.")),
        "stale": FormProblem(
            _NOTHING_CHANGED, marked("It was changed after your page was made. Look at it as it stands now.")
        ),
        "not_fresh": FormProblem(
            _NOTHING_CHANGED, marked("To approve needs a sign-in that is only minutes old. Sign in again first.")
        ),
        "no_letter": FormProblem(
            _NOTHING_CHANGED, marked("This letter waits no more: it was posted, withdrawn or is too old.")
        ),
        "not_ahead": FormProblem(
            _PROBLEM, marked("Write a time that lies ahead, before the end of the request"), "field-time"
        ),
        "line": FormProblem(
            _PROBLEM,
            marked("Write one line of up to 200 characters, without a link, a code or a number of a card."),
            "field-note",
        ),
        "no_room": FormProblem(
            _PROBLEM, marked("There is no video room yet. Open one first; if that fails, meet in another way.")
        ),
        "no_message": FormProblem(_NOTHING_CHANGED, marked("No message can be sent to this address.")),
        "no_match": FormProblem(
            _NOTHING_CHANGED,
            marked(
                "Nothing that we keep agrees with the number of the document, the name and the date of birth that you "
                "recorded. Look at them again, or ask for another document."
            ),
        ),
        "feedback_gone": FormProblem(_NOTHING_CHANGED, marked("Somebody else has answered this already.")),
        "feedback_long": FormProblem(_PROBLEM, marked("Write at most 2,000 characters.")),
        "feedback_private": FormProblem(_NOTHING_CHANGED, marked("The writer did not agree to its publication.")),
        "kept_stopped": FormProblem(
            _NOTHING_CHANGED, marked("What we keep of this person was stopped. A lead must release it first.")
        ),
        "former": FormProblem(_PROBLEM, marked("Compare with what we keep before you approve."), "main-content"),
        "details_first": FormProblem(
            _PROBLEM, marked("Record the details before you ask the citizen."), "main-content"
        ),
        "details": FormProblem(_PROBLEM, marked("Record the details before you approve."), "main-content"),
        "enough_asked": FormProblem(_PROBLEM, marked("More evidence was asked for too often already."), "main-content"),
    }
)
_CONFIRMATIONS: Mapping[str, str] = MappingProxyType(
    {
        "saved": marked("Saved."),
        "renewed": marked("The case stays with you."),
        "kept": marked("The case stays with you, and what you typed is kept. It is not saved yet."),
        "noted": marked("Noted."),
        "view": marked("The view is saved."),
        "removed": marked("The view is removed."),
        "asked_source": marked("The source answered, and its answer is recorded."),
        "scored": marked("The score sheet is sent."),
        "incident": marked("It is under way. Look at this page again to see how far it is."),
        "given": marked("The made-up cases come among the next cases."),
        "ended": marked("Their sessions are ended."),
        "access_kept": marked("It is recorded that the person keeps their roles."),
        "export_asked": marked("The export waits for another auditor or admin."),
        "export_released": marked("The export is released. The person who asked can download it for 7 days."),
        "export_refused": marked("The export is refused."),
        "feedback_published": marked("It is published. Everybody can read it at /feedback."),
        "feedback_deleted": marked("It is deleted."),
        "change_asked": marked("The change waits for another admin."),
        "change_approved": marked("The change is in force. The person signs in again."),
        "change_refused": marked("The change is refused. Nothing else was changed."),
        "roles_taken": marked("The person has no roles any more, and their sessions are ended."),
        "lead_asked": marked("The leads see your question."),
        "answered": marked("Your answer is sent."),
        "zone": marked("The check digits are right, and the form is filled in. Nothing is saved yet."),
        "no_zone": marked("Type or paste the lines of the machine readable zone first."),
        "asked": marked("The citizen is asked now."),
        "message_sent": marked("The message is on its way. You see on the page of the case whether it arrives."),
        "room": marked("The video room is open. Its link can be sent now."),
        "posted": marked("Recorded: the letter is in the post."),
        "withdrawn": marked("The message is withdrawn. It was not sent."),
        "no_show": marked("Recorded. The citizen is told, and can choose another time."),
        "in_line": marked("The citizen waits in line now."),
        "slot_made": marked("The appointment is made."),
        "slot_cancelled": marked("The appointment is cancelled."),
    }
)


def problem(asked: Mapping[str, str], words: Language) -> FormProblem | None:
    """The problem that a query names."""
    name, named = asked.get("problem", ""), asked.get("at", "")
    found = _PROBLEMS.get(f"{name}.{named}") or _PROBLEMS.get(name)
    if found is None:
        return None
    at = f"at-{named}" if _NAME.fullmatch(named) else found.at
    return FormProblem(words.text(found.title), words.text(found.text), at)


def confirmation(asked: Mapping[str, str], words: Language) -> str:
    """The confirmation that a query names, "" for none."""
    found = _CONFIRMATIONS.get(asked.get("told", ""))
    return "" if found is None else words.text(found)
