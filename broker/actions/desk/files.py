"""Photographs and videos of a partner desk: received like those of a citizen, and taken with the visit in one write."""

from collections.abc import AsyncIterator

from broker.actions.assisted.context import load_case
from broker.actions.desk.messages import SendFile
from broker.actions.desk.once import DeskCall
from broker.actions.desk.problems import DeskProblem, file_refused, not_found
from broker.actions.desk.visits import DeskContext, Step, actor, change, check_holder, check_visit
from broker.actions.files.context import FileContext
from broker.actions.files.receiving import Sender, receive_at_desk
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.model.desk import DeskAnswer
from broker.model.evidence_file import EvidenceFile, FileKind, FilePurpose, UploadFault


async def receive_file(
    context: DeskContext, files: FileContext, call: DeskCall, case_id: str, sent: tuple[SendFile, AsyncIterator[bytes]]
) -> DeskAnswer:
    """Receives a file at the desk that accepted the case. Raises DeskProblem, and what the pieces raise.

    The visit is checked before the first byte of the file is read, and again in the write that takes the file.
    """
    body, pieces = sent
    by = actor(call.service, body)
    answer: DeskAnswer | None = None
    problem = file_refused(UploadFault.NOT_NOW)

    def check(case: Case) -> None:
        check_visit(case, call.service, body)
        check_holder(context, case, by)

    async def take(ready: EvidenceFile) -> bool:
        async def make(case: Case) -> Step:
            check(case)
            return Step((ev.DeskFileReceived(by, ready.id),), file=ready)

        nonlocal answer, problem
        try:
            answer = await change(context, call, case_id, 200, make)
        except DeskProblem as refused:
            problem = refused
        return answer is not None

    case = await load_case(context.cases, case_id)
    if case is None:
        raise not_found()
    check(case)
    kind, purpose = FileKind(body.kind), FilePurpose(body.purpose)
    if kind is FileKind.VIDEO and not (files.desk_video and purpose is FilePurpose.PERSON):
        raise file_refused(UploadFault.WRONG_TYPE)
    received = await receive_at_desk(files, case, (kind, purpose), pieces, Sender(by, take))
    if answer is not None:
        return answer
    not_taken = received is UploadFault.NOT_NOW
    raise problem if not_taken or not isinstance(received, UploadFault) else file_refused(received)
