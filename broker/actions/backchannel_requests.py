"""Create a backchannel request to a citizen's own device: draw a user code, store the request with its notices."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from broker.actions.ports import BackchannelRequests, RedeemResult
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelRequest
from broker.model.grant import AssertionUse
from broker.model.notification import NoticeTimes, Notification, NotificationKind, Recipient, new_notification
from broker.platform.system import System

CODE_LENGTH = 8
"""Letters and digits of a user code: 38 bits. It opens a request and does not answer it."""

MAX_ATTEMPTS = 8
"""How many user codes are drawn if other requests already have them, before this is an internal error."""


async def create(
    questions: BackchannelRequests,
    system: System,
    question: BackchannelRequest,
    use: AssertionUse | None,
    notices: Callable[[BackchannelRequest], Sequence[Notification]],
    events: Sequence[AuditEvent],
) -> tuple[RedeemResult, BackchannelRequest]:
    """Stores the request with a unique user code. Returns the store's result, and the request with its code."""
    for _ in range(MAX_ATTEMPTS):
        ready = replace(question, code=handles.new_user_code(system, CODE_LENGTH))
        outcome = await questions.create(ready, use, notices(ready), events)
        if outcome is not RedeemResult.USED_BEFORE:
            return outcome, ready
    raise RuntimeError("no unique user code was found")


def notice(
    system: System, question: BackchannelRequest, asker: str, confirm: str, recipient: Recipient
) -> Notification:
    """Returns the notice of a request. `asker` is the asking service's name, `confirm` the URL that takes the code."""
    return new_notification(
        system,
        NotificationKind.QUESTION,
        recipient,
        NoticeTimes(question.expires),
        {
            "service": asker,
            "message": question.message or "",
            "code": question.code,
            "address": confirm.partition("://")[2],
            "life": question.expires - question.created,
        },
        question.case,
    )
