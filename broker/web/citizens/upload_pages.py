"""Send it yourself: the page on which a citizen sends photographs and a video, and its forms."""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.files.receiving import receive_photo, receive_video
from broker.actions.files.sending import CitizenFiles, Missing, SentFiles
from broker.actions.views import DeadEnd
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from broker.assisted.prompts import SAY
from broker.model.evidence_file import EvidenceFile, FileKind, FilePurpose, FileSettings, UploadFault
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import PageContext
from broker.web.citizens.request import CitizenApp, CitizenRequest, language_of, redirect_to
from broker.web.citizens.view_pages import render_view
from broker.web.middleware.security_headers import WITH_CAMERA, WITH_RECORDING
from broker.web.shared import csrf
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.request_parsing import comes_from
from broker.web.shared.responses import PageResponse
from broker.web.shared.upload import UploadPlan, UploadRefused, open_upload, upload_plan

log = logging.getLogger("portico.web")

PURPOSES: Mapping[FilePurpose, str] = MappingProxyType(
    {
        FilePurpose.FRONT: marked("The side with my picture or my name"),
        FilePurpose.BACK: marked("The other side"),
        FilePurpose.OTHER: marked("Another document"),
    }
)
SENT_NAMES: Mapping[FilePurpose, str] = MappingProxyType(
    {
        FilePurpose.FRONT: marked("Photo: the side with your picture or your name"),
        FilePurpose.BACK: marked("Photo: the other side"),
        FilePurpose.OTHER: marked("Photo: another document"),
        FilePurpose.PERSON: marked("Video of you"),
    }
)
PROMPTS: Mapping[str, str] = MappingProxyType(
    {
        "look_left": marked("Turn your head to the left, then look at the camera again."),
        "look_right": marked("Turn your head to the right, then look at the camera again."),
        "look_up": marked("Look up, then look at the camera again."),
        "close_eyes": marked("Close your eyes for a moment, then open them."),
        "show_two": marked("Show two fingers beside your face."),
        "show_five": marked("Show your open hand beside your face."),
        "hold_document": marked("Hold your document beside your face."),
        "count_to_four": marked("Count aloud from one to four."),
    }
)
FAULTS: Mapping[UploadFault, str] = MappingProxyType(
    {
        UploadFault.EMPTY: marked("Choose a file first, then press the button again."),
        UploadFault.FORM: marked("We could not read what your browser sent. Choose the file again and send it."),
        UploadFault.TOO_LARGE: marked(
            "This file is larger than {size} MB. Take the picture with a lower quality, or make a shorter video."
        ),
        UploadFault.TOO_SLOW: marked(
            "Sending took too long. Try again where your connection is better, or send a smaller file."
        ),
        UploadFault.ABORTED: marked("The file did not arrive whole. Please send it once more."),
        UploadFault.WRONG_TYPE: marked(
            "We cannot read this kind of file. Send photos as JPEG, PNG or WebP, and videos as MP4, MOV or WebM."
        ),
        UploadFault.DAMAGED: marked("This file is damaged, or cannot be shown safely. Take it again and send that."),
        UploadFault.ANIMATED: marked("This picture moves. Send a photo that shows one picture."),
        UploadFault.TOO_MANY_PIXELS: marked(
            "This picture has more points than we can show. Take it with a lower resolution and send that."
        ),
        UploadFault.TOO_SMALL: marked("This picture is too small to read it. Take it from closer and send that."),
        UploadFault.TOO_LONG: marked("This video is longer than {seconds}. Make a shorter one and send that."),
        UploadFault.TOO_SHORT: marked("This video is too short to show anything. Make it again and send that."),
        UploadFault.NO_PICTURE: marked("This file has no picture. Make a video with your camera and send that."),
        UploadFault.TOO_MANY: marked(
            "We can take no more for this request. Remove a file that is not needed, or talk to us in another way."
        ),
        UploadFault.BUSY: marked("Another file is being sent just now. Wait until it is there, then send this one."),
        UploadFault.PROMPTS_OVER: marked(
            "The time for these steps is over. Have new ones shown, and make a new video."
        ),
        UploadFault.NOT_NOW: marked("Nothing can be sent for this request now. The page of your request says why."),
    }
)
"""What is wrong with a file, and what to do next."""

Outcome = EvidenceFile | UploadFault
Receiver = Callable[[SentFiles, Mapping[str, str], AsyncIterator[bytes]], Awaitable[Outcome]]

SHEETS = (PageTemplate("send", "citizens/send.html", {"purposes": PURPOSES}),)

TOKEN, PURPOSE, PROMPTED, FILE = csrf.FIELD, "purpose", "prompted", "file"


def plan(kind: FileKind, settings: FileSettings) -> UploadPlan:
    """What the form of a file may contain, and how long it may take."""
    return upload_plan(frozenset({TOKEN, PURPOSE, PROMPTED}), FILE, settings.largest(kind))


def upload_limits(settings: FileSettings) -> Mapping[re.Pattern[str], int]:
    """The largest bodies of the forms with a file, by their paths."""
    return {re.compile(rf"/journey/[^/]+/send/{kind.value}"): plan(kind, settings).largest_body for kind in FileKind}


def upload_routes(app: CitizenApp) -> list[Route]:
    """The routes of this file; none if nothing can be sent."""
    if app.files is None:
        return []
    return [
        Route("/journey/{handle}/send", page(app, show), methods=["GET"]),
        Route("/journey/{handle}/send/photo", page(app, send_photo), methods=["POST"]),
        Route("/journey/{handle}/send/video", page(app, send_video), methods=["POST"]),
        Route("/journey/{handle}/send/prompts", page(app, draw_prompts), methods=["POST"]),
        Route("/journey/{handle}/send/remove", page(app, remove), methods=["POST"]),
        Route("/journey/{handle}/send/done", page(app, finish), methods=["POST"]),
    ]


def _files(req: CitizenRequest) -> CitizenFiles:
    if req.app.files is None:
        raise HTTPException(404)
    return req.app.files


async def show(req: CitizenRequest) -> Response:
    """The page with what was sent and what may be sent."""
    sent = await _files(req).sent(req.handle, req.browser)
    return _page(req, sent) if isinstance(sent, SentFiles) else _astray(req, sent)


def _astray(req: CitizenRequest, sent: DeadEnd | None) -> Response:
    if sent is None:
        return redirect_to(req.base)
    frame = req.frame(language_of(sent))
    return req.answer(render_view(sent, frame, req.cookies), frame)


async def send_photo(req: CitizenRequest) -> Response:
    """Receives a photograph."""

    async def receive(
        sent: SentFiles, fields: Mapping[str, str], pieces: AsyncIterator[bytes]
    ) -> EvidenceFile | UploadFault:
        purpose = fields.get(PURPOSE, "")
        known = {one.value for one in PURPOSES}
        shows = FilePurpose(purpose) if purpose in known else FilePurpose.FRONT
        return await receive_photo(_files(req).context, sent.case, shows, pieces)

    return await _receive(req, FileKind.PHOTO, receive)


async def send_video(req: CitizenRequest) -> Response:
    """Receives the video for the prompts that the form names."""

    async def receive(
        sent: SentFiles, fields: Mapping[str, str], pieces: AsyncIterator[bytes]
    ) -> EvidenceFile | UploadFault:
        return await receive_video(_files(req).context, sent.case, fields.get(PROMPTED, ""), pieces)

    return await _receive(req, FileKind.VIDEO, receive)


async def _receive(req: CitizenRequest, kind: FileKind, receiver: Receiver) -> Response:
    """Reads the form up to the file, checks that it is ours, and only then receives the file."""
    files = _files(req)
    if not comes_from(req.request, req.app.pages.site.issuer):
        return redirect_to(f"{req.base}/send", "again")
    sent = await files.sent(req.handle, req.browser)
    if not isinstance(sent, SentFiles):
        return _astray(req, sent)
    try:
        upload = await open_upload(req.request, plan(kind, files.context.settings), req.app.system.monotonic)
        token = upload.fields.get(TOKEN, "")
        if not csrf.token_holds(req.app.macs, req.browser.secrets, req.handle, token):
            await upload.discard()
            return redirect_to(f"{req.base}/send", "again")
        outcome = await receiver(sent, upload.fields, upload.pieces())
        if isinstance(outcome, UploadFault):
            await upload.discard()
    except UploadRefused as refused:
        return _refused(req, sent, kind, refused.fault, closes=refused.closes)
    if isinstance(outcome, UploadFault):
        return _refused(req, sent, kind, outcome)
    return redirect_to(f"{req.base}/send")


def _refused(
    req: CitizenRequest, sent: SentFiles, kind: FileKind, fault: UploadFault, *, closes: bool = False
) -> Response:
    log.info("upload_refused", extra={"fault": fault.value})
    response = _page(req, sent, (kind, fault))
    if closes:
        response.headers["connection"] = "close"
    return response


async def draw_prompts(req: CitizenRequest) -> Response:
    """Draws new prompts for a video."""
    files, sent = _files(req), await _sent_by_form(req)
    if not isinstance(sent, SentFiles):
        return sent
    fault = await files.draw_prompts(sent)
    if fault is not None:
        return _refused(req, sent, FileKind.VIDEO, fault)
    return redirect_to(f"{req.base}/send#video")


async def remove(req: CitizenRequest) -> Response:
    """Removes a file that was sent."""
    form = await req.form()
    sent = await _files(req).sent(req.handle, req.browser)
    if form is None:
        return redirect_to(f"{req.base}/send", "again")
    if not isinstance(sent, SentFiles):
        return _astray(req, sent)
    await _files(req).remove(sent, form.get("id", ""))
    return redirect_to(f"{req.base}/send")


async def finish(req: CitizenRequest) -> Response:
    """Hands over what was sent, if everything is there."""
    files, sent = _files(req), await _sent_by_form(req)
    if not isinstance(sent, SentFiles):
        return sent
    missing = await files.finish(sent)
    return _page(req, sent, missing=missing) if missing else redirect_to(req.base)


async def _sent_by_form(req: CitizenRequest) -> SentFiles | Response:
    """What was sent, for a form without fields; the answer if there is nothing to send, or the form is not ours."""
    if await req.form() is None:
        return redirect_to(f"{req.base}/send", "again")
    sent = await _files(req).sent(req.handle, req.browser)
    return sent if isinstance(sent, SentFiles) else _astray(req, sent)


# --- the page ---


def _page(
    req: CitizenRequest,
    sent: SentFiles,
    refused: tuple[FileKind, UploadFault] | None = None,
    missing: tuple[Missing, ...] = (),
) -> Response:
    frame = req.frame(sent.transaction.language)
    settings = _files(req).context.settings
    kind = None if refused is None else refused[0]
    error = None if refused is None else fault_text(*refused, settings, frame.language)
    variables = frame.template_variables(
        req.app.context.service(sent.transaction),
        **_what_was_sent(sent, frame),
        sending=sent.case.channel is Channel.SENT,
        handed_over=sent.case.state is CaseState.QUEUED,
        photo_error=error if kind is FileKind.PHOTO else None,
        video_error=error if kind is FileKind.VIDEO else None,
        photo_missing=Missing.PHOTO in missing,
        video_missing=Missing.VIDEO in missing,
        photo_size=str(settings.photo_megabytes),
        video_size=str(settings.video_megabytes),
        video_length=frame.language.duration(settings.video_length),
        video_seconds=str(int(settings.video_length)),
        promise=frame.language.duration(settings.promise),
        kept=frame.language.duration(settings.keep),
    )
    headers = (("Permissions-Policy", WITH_CAMERA), ("Content-Security-Policy", WITH_RECORDING))
    return req.answer(PageResponse("send", variables, 422 if error or missing else 200, headers), frame)


def _what_was_sent(sent: SentFiles, frame: PageContext) -> dict[str, object]:
    words, prompted = frame.language, sent.prompted
    return {
        "files": [
            (file.id, words.text(SENT_NAMES[file.content.purpose]), words.format_time(file.created, frame.now))
            for file in sent.files
        ],
        "prompted": "" if prompted is None else prompted.id,
        "prompts": [] if prompted is None else [prompt_text(one, words) for one in prompted.content.prompts],
        "prompts_until": "" if prompted is None else words.format_time(prompted.expires, frame.now),
        "asking": sent.asking,
        "photo_sent": any(file.kind is FileKind.PHOTO for file in sent.files),
        "video_sent": Missing.VIDEO not in sent.missing,
    }


def prompt_text(prompt: str, words: Language) -> str:
    """What a prompt asks for."""
    name, _, word = prompt.partition(":")
    return words.text(marked("Say this word: {word}"), word=word) if name == SAY else words.text(PROMPTS[name])


def fault_text(kind: FileKind, fault: UploadFault, settings: FileSettings, words: Language) -> str:
    """What is wrong with a file of this kind, and what to do next."""
    size = settings.photo_megabytes if kind is FileKind.PHOTO else settings.video_megabytes
    length = words.duration(settings.video_length)
    return words.text(FAULTS[fault], size=str(size), seconds=length)
