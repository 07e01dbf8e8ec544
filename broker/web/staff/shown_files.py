"""What a citizen or a partner desk sent, as the pages of a case show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.actions.files.looking import files_of, kept_files
from broker.assisted.case import Case
from broker.assisted.prompts import SAY, fits
from broker.assisted.quality import QualitySample
from broker.model.evidence_file import EvidenceFile, FileKind, FilePurpose
from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language
from broker.web.staff.request import StaffPage

NAMES: Mapping[FilePurpose, str] = MappingProxyType(
    {
        FilePurpose.FRONT: marked("Document, the side with picture or name"),
        FilePurpose.BACK: marked("Document, the other side"),
        FilePurpose.OTHER: marked("Another document"),
        FilePurpose.PERSON: marked("Video of the citizen"),
    }
)
FACE = marked("The citizen’s face")
PROMPTS: Mapping[str, str] = MappingProxyType(
    {
        "look_left": marked("turns the head to the left"),
        "look_right": marked("turns the head to the right"),
        "look_up": marked("looks up"),
        "close_eyes": marked("closes the eyes for a moment"),
        "show_two": marked("shows two fingers beside the face"),
        "show_five": marked("shows an open hand beside the face"),
        "hold_document": marked("holds the document beside the face"),
        "count_to_four": marked("counts aloud from one to four"),
    }
)


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file as a page shows it. `prompts` are what the citizen was asked to do; `stale` says that the word among them
    is not the one that their page shows now. `by_desk` says that a partner desk made it."""

    address: str
    name: str
    sent: str
    kind: str
    width: int
    height: int
    length: str
    prompts: tuple[str, ...]
    stale: bool
    by_desk: bool


async def shown_files(req: StaffPage, case: Case) -> tuple[ShownFile, ...]:
    """The files of a case that this member of staff may look at."""
    if req.app.files is None:
        return ()
    found = await files_of(req.app.files, case, req.member)
    return tuple(_shown(file, req.base, req, stale=not fits(file.content.prompts, case.phrase)) for file in found)


async def sampled_files(req: StaffPage, sample: QualitySample) -> tuple[ShownFile, ...]:
    """The files of a drawn case that are still kept, for the one who may fill its score sheet."""
    if req.app.files is None:
        return ()
    found = await kept_files(req.app.files, sample.case)
    return tuple(_shown(file, f"/quality/{sample.id}", req, stale=False) for file in found)


def made_up_file(address: str, shows: FilePurpose, words: Language) -> ShownFile:
    """A photograph of a made-up case, as one that was sent."""
    return ShownFile(address, _name(shows, words), "", FileKind.PHOTO.value, 0, 0, "", (), stale=False, by_desk=False)


def _name(purpose: FilePurpose, words: Language, *, video: bool = False) -> str:
    return words.text(FACE if purpose is FilePurpose.PERSON and not video else NAMES[purpose])


def _shown(file: EvidenceFile, base: str, req: StaffPage, *, stale: bool) -> ShownFile:
    content, video, words = file.content, file.kind is FileKind.VIDEO, req.visit.language
    return ShownFile(
        address=f"{base}/files/{file.id}",
        name=_name(content.purpose, words, video=video),
        sent=words.format_time(file.created, req.app.system.now()),
        kind=file.kind.value,
        width=content.width,
        height=content.height,
        length="" if content.seconds is None else words.duration(content.seconds),
        prompts=tuple(_prompt(one, words) for one in content.prompts),
        stale=video and stale and not content.by,
        by_desk=bool(content.by),
    )


def _prompt(prompt: str, words: Language) -> str:
    name, _, word = prompt.partition(":")
    return words.text(marked("says the word “{word}”"), word=word) if name == SAY else words.text(PROMPTS[name])
