"""Why a call of a partner desk is refused. Raised by the actions; `web.desk` renders it."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from broker.actions.assisted.staff_results import ActionRefused, InvalidInput, RefusalReason
from broker.actions.desk.messages import FieldError, Problem
from broker.assisted.transitions import TransitionRefused
from broker.model.evidence_file import UploadFault


class DeskProblem(Exception):
    """A refusal. `retry_after` (seconds) says when the same call may succeed; such a refusal is not stored."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: tuple[FieldError, ...] = (),
        *,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        title = HTTPStatus(status).phrase
        self.content = Problem(title=title, status=status, code=code, detail=detail, errors=errors)
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.content.status


def not_found() -> DeskProblem:
    """The same for a case that does not exist, and for one that is not this desk's to see."""
    return DeskProblem(404, "case_not_found", "there is no such case for this desk")


def key_reused() -> DeskProblem:
    """Another call had this key (draft-ietf-httpapi-idempotency-key-header, 2.7)."""
    return DeskProblem(422, "idempotency_key_reused", "another call was made with this Idempotency-Key")


def invalid(pointer: str, code: str, detail: str) -> DeskProblem:
    """One wrong member."""
    return DeskProblem(422, "invalid_input", detail, (FieldError(pointer=pointer, code=code),))


def invalid_piece(wrong: InvalidInput) -> DeskProblem:
    """The errors of a piece of evidence, by field or check, as the console shows them."""
    errors = tuple(FieldError(pointer=f"/piece/{name}", code=why.value) for name, why in wrong.errors.items())
    return DeskProblem(422, "invalid_input", "the piece cannot be recorded", errors)


FILE_FAULTS: Mapping[UploadFault, tuple[int, str]] = MappingProxyType(
    {
        UploadFault.EMPTY: (422, "there is no file, or it is empty"),
        UploadFault.FORM: (400, "the form is the fields, each once, and after them one file"),
        UploadFault.TOO_LARGE: (413, "the file is larger than the operator allows"),
        UploadFault.TOO_SLOW: (408, "the file took too long"),
        UploadFault.ABORTED: (400, "the file did not arrive whole, or has another digest"),
        UploadFault.WRONG_TYPE: (422, "the file is no JPEG, PNG or WebP, or no video that is asked for"),
        UploadFault.DAMAGED: (422, "the file is damaged, or cannot be shown safely"),
        UploadFault.ANIMATED: (422, "the file has more than one picture"),
        UploadFault.TOO_MANY_PIXELS: (422, "the picture has too many pixels"),
        UploadFault.TOO_SMALL: (422, "the picture is too small to be read"),
        UploadFault.TOO_LONG: (422, "the video is longer than the operator allows"),
        UploadFault.TOO_SHORT: (422, "the video is too short"),
        UploadFault.NO_PICTURE: (422, "the video has no picture"),
        UploadFault.TOO_MANY: (409, "the case has as many files as the operator allows"),
        UploadFault.BUSY: (503, "another file is being received"),
        UploadFault.NOT_NOW: (409, "the case is not in a state for this"),
    }
)
"""Why a photograph is refused: the status, and the text. The code is the name of the fault."""

BUSY_FOR: Final = 5
"""After how many seconds a desk may send a file again while another one is received."""


def file_refused(fault: UploadFault) -> DeskProblem:
    """A refusal of a photograph."""
    status, detail = FILE_FAULTS[fault]
    return DeskProblem(status, fault.value, detail, retry_after=BUSY_FOR if fault is UploadFault.BUSY else None)


_REFUSED: Mapping[RefusalReason, tuple[int, str, str]] = MappingProxyType(
    {
        TransitionRefused.NOT_NOW: (409, "not_now", "the case is not in a state for this"),
        TransitionRefused.TIME_RAN_OUT: (409, "not_now", "the time for this ran out"),
        TransitionRefused.NOT_HOLDER: (409, "not_accepted", "the desk does not hold the case"),
        TransitionRefused.NO_LEVEL: (409, "level_not_reached", "what is recorded does not support the level"),
        TransitionRefused.NO_DETAILS: (409, "details_missing", "the person's details are not recorded"),
        TransitionRefused.WORDS_FIRST: (409, "words_missing", "the words were not exchanged"),
        TransitionRefused.REASON_NEEDED: (422, "reasons_missing", "this recommendation needs a reason"),
        ActionRefused.REASON: (422, "invalid_reasons", "these are not reasons for this recommendation"),
    }
)


def refused(why: RefusalReason) -> DeskProblem:
    """A refusal of the rules."""
    return DeskProblem(*_REFUSED.get(why, (409, why.value, "the case does not allow this now")))
