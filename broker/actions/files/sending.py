"""The citizen's side of evidence files: what was sent, prompts for a video, removing a file, and being done."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from broker.actions.assisted.context import load_case, update_case
from broker.actions.browser import Browser
from broker.actions.files.context import FileContext, file_event
from broker.actions.files.erasing import erase
from broker.actions.files.receiving import SENDING
from broker.actions.sign_in.context import SignInContext, load_own_transaction
from broker.actions.views import DeadEnd
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from broker.assisted.prompts import LIFE, MOST_DRAWS, fits, prompts
from broker.journey.transaction import Transaction
from broker.model import handle as handles
from broker.model.evidence_file import EvidenceFile, FileContent, FileKind, FilePurpose, FileState, UploadFault


class Missing(StrEnum):
    """What is still needed before staff can look at what was sent."""

    PHOTO = "photo"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class SentFiles:
    """What a citizen has sent for their case, without the photographs of partner desks. `prompted` are the prompts of a
    video that may be sent now.

    `asking` says whether the browser is the one that asked for help: only it draws prompts, which hold the words.
    """

    transaction: Transaction
    case: Case
    files: tuple[EvidenceFile, ...]
    prompted: EvidenceFile | None
    asking: bool

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What is still needed in the channel in which everything is sent; nothing in the others."""
        if self.case.channel is not Channel.SENT:
            return ()
        photo = any(file.kind is FileKind.PHOTO for file in self.files)
        video = any(fits(file.content.prompts, self.case.phrase) for file in self.files)
        return (*(() if photo else (Missing.PHOTO,)), *(() if video else (Missing.VIDEO,)))


@dataclass(frozen=True, slots=True)
class CitizenFiles:
    """What a citizen does with the files of their case."""

    sign_in: SignInContext
    context: FileContext

    async def sent(self, handle: str, browser: Browser) -> SentFiles | DeadEnd | None:
        """The files of the transaction's case. None if nothing can be sent for it now."""
        transaction = await load_own_transaction(self.sign_in, handle, browser)
        if isinstance(transaction, DeadEnd):
            return transaction
        case = None if transaction.case is None else await load_case(self.context.cases, transaction.case)
        if case is None or case.state not in SENDING or case.transaction != transaction.id:
            return None
        found = await self.context.records.of_case(case.id, self.context.cases.system.now())
        prompted = [one for one in found if one.state is FileState.PROMPTED and fits(one.content.prompts, case.phrase)]
        return SentFiles(
            transaction,
            case,
            tuple(one for one in found if one.state is FileState.READY and not one.content.by),
            prompted[-1] if prompted else None,
            asking=transaction.browser == case.browser and not case.moved,
        )

    async def draw_prompts(self, sent: SentFiles) -> UploadFault | None:
        """Draws new prompts for a video, in place of those before. Counted durably."""
        case, system = sent.case, self.context.cases.system
        if not sent.asking:
            return UploadFault.NOT_NOW
        counter = f"prompts:{case.phrase.first}"
        if await self.context.cases.stores.cases.count_attempt(case.id, counter, MOST_DRAWS) is None:
            return UploadFault.TOO_MANY
        now = system.now()
        drawn = EvidenceFile(
            handles.new_handle(system),
            case.id,
            FileKind.VIDEO,
            FileState.PROMPTED,
            now,
            now + LIFE,
            self.context.place,
            FileContent(FilePurpose.PERSON, prompts=prompts(case.phrase, system.random_bytes)),
        )
        for earlier in await self._prompted(case):
            await erase(self.context, earlier)
        begun = await self.context.records.begin(drawn, self.context.settings.most + 1, now)
        return None if begun else UploadFault.NOT_NOW

    async def _prompted(self, case: Case) -> Sequence[EvidenceFile]:
        found = await self.context.records.of_case(case.id, self.context.cases.system.now())
        return [file for file in found if file.state is FileState.PROMPTED]

    async def remove(self, sent: SentFiles, file_id: str) -> None:
        """Removes a file that was sent by mistake; nothing if it is not one of the case's."""
        for file in sent.files:
            if file.id == file_id:
                await erase(self.context, file, [file_event(self.context, "removed", "citizen", sent.case, file)])

    async def finish(self, sent: SentFiles) -> tuple[Missing, ...]:
        """Puts the case into the queue, so that staff look at what was sent. Returns what is still missing, if any."""
        if not sent.missing and sent.case.state is CaseState.REQUESTED:
            await update_case(self.context.cases, sent.case.id, ev.ReadyForSession(everything_sent=True))
        return sent.missing
