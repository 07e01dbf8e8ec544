"""What everybody does who puts a question to a citizen's own device: draw a code, send a notice, write it down."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from broker.actions.needs import Questions, Redemption
from broker.ambient import Ambient
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.grant import AssertionUse
from broker.model.notice import Notice, NoticeKind
from broker.model.question import Question

CODE_LENGTH = 8
"""Letters and digits of a question's code: 38 bits. It opens a question and answers none."""

TRIES = 8
"""How often a code is drawn that another question has already, before something must be wrong."""


async def put(
    questions: Questions,
    ambient: Ambient,
    question: Question,
    use: AssertionUse | None,
    notices: Callable[[Question], Sequence[Notice]],
    events: Sequence[AuditEvent],
) -> tuple[Redemption, Question]:
    """Writes the question with a code that no other has; gives what became of it, and the question with its code."""
    for _ in range(TRIES):
        ready = replace(question, code=handles.readable(ambient, CODE_LENGTH))
        outcome = await questions.ask(ready, use, notices(ready), events)
        if outcome is not Redemption.USED_BEFORE:
            return outcome, ready
    raise RuntimeError("every code that is drawn is taken")


def notice(
    ambient: Ambient, question: Question, asker: str, confirm: str, way: str, address: str, language: str
) -> Notice:
    """The notice of a question. `asker` is the name citizens know it by, `confirm` the page that takes the code."""
    return Notice(
        id=handles.fresh(ambient, size=16),
        kind=NoticeKind.QUESTION,
        way=way,
        address=address,
        language=language,
        created=question.created,
        expires=question.expires,
        fields={
            "service": asker,
            "message": question.message or "",
            "code": question.code,
            "address": confirm.partition("://")[2],
            "minutes": str(max(1, round((question.expires - question.created) / 60))),
        },
        case=question.case,
    )
