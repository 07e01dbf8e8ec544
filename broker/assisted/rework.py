"""A case whose work begins again: in the queue, or after a request for more evidence."""

from dataclasses import replace

from broker.assisted.case import Case
from broker.assisted.case_records import Phrase


def reset_work(case: Case, phrase: Phrase | None = None) -> Case:
    """Resets the work of agent and reviewer, for a session with a new phrase if there is one. Who worked on the case
    stays in the history.
    """
    return replace(
        case,
        phrase=phrase or case.phrase,
        agent=None,
        verdict=None,
        second_review_reasons=(),
        reviewer=None,
        independent_review=None,
        review=None,
        late=False,
        phrase_verified=False,
        lease=None,
        confirmation=None,
        codes_sent=0,
        call=None,
        room=None,
        calls=0,
        unsettled=None,
        passkey=None if case.passkey is None else replace(case.passkey, confirmed=None),
    )
