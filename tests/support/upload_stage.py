"""A citizen with an open case who sends files, and staff who look at them: real pages over the real actions, in the
test's own process, with SQLite and a folder.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.files.context import FileContext, PhotoReencoder
from broker.actions.files.sending import CitizenFiles
from broker.actions.results import HelpRequest
from broker.assisted.deadlines import CasePolicy
from broker.model.assurance import Level
from broker.model.evidence_file import EvidenceFile, FileSettings, Photo, UploadFault
from broker.platform.image_child import ImageReencoder
from broker.stores.evidence.folder import FolderObjects
from broker.web import citizens, public
from broker.web.citizens.upload_pages import upload_limits
from broker.web.middleware import BodyLimits, guarded
from broker.web.shared.cookies import BROWSER, LANGUAGE
from broker.web.shared.fast_router import fast_router
from broker.web.shared.i18n import languages
from broker.web.shared.not_found import NotFoundHandler, typeable_paths
from broker.web.shared.pages import PageRenderer, page_renderer
from broker.web.shared.site_info import SiteInfo
from broker.web.shared.static_files import statics
from tests.support.system import FakeClock
from tests.unit.actions.assisted.case_harness import ISSUER, ME, Stage, staged
from tests.unit.actions.citizen_driver import CitizenDriver

CODES = ("en", "cy", "ar")
BOUNDARY = "----portico"


@cache
def pages() -> PageRenderer:
    """The citizens' pages, each compiled when it is first asked for."""
    site = SiteInfo(ISSUER, languages=CODES)
    return page_renderer(
        languages(site.languages, site.zone), site, (*citizens.SHEETS, *public.SHEETS), statics(), on_demand=True
    )


@dataclass(frozen=True, slots=True)
class UploadStage:
    """Everything together. `handle` is the transaction whose case waits."""

    stage: Stage
    context: FileContext
    app: ASGIApp
    folder: Path
    handle: str

    @property
    def clock(self) -> FakeClock:
        """The clock of all of it."""
        return self.stage.clock

    def browser(self, secret: str = ME.secrets[0], language: str = "en") -> httpx.AsyncClient:
        """The citizen's browser."""
        cookies = {BROWSER: secret, LANGUAGE: language}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=ISSUER,
            cookies=cookies,
        )

    @property
    def path(self) -> str:
        """The page on which files are sent."""
        return f"/journey/{self.handle}/send"

    async def files(self) -> list[EvidenceFile]:
        """The records of the case, in any state."""
        case = await self.stage.case(self.handle)
        return list(await self.context.records.of_case(case.id, self.clock.now()))

    def stored(self) -> list[str]:
        """The names of what lies in the folder."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


def token(page: str) -> str:
    """The CSRF token of a page's forms. The first one is that of the form that switches the language."""
    return str(re.findall(r'name="token" value="([^"]+)"', page)[-1])


def form(fields: Mapping[str, str], content: bytes, name: str = "photo.jpg") -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a form with a file."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    parts += [head.encode() + b"Content-Type: image/jpeg\r\n\r\n", content, f"\r\n--{BOUNDARY}--\r\n".encode()]
    return b"".join(parts), {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


class Untouched:
    """Stands in for the child process that encodes photographs: returns them as they came."""

    async def reencode(self, pieces: AsyncIterable[bytes]) -> Photo | UploadFault:
        """The photograph as it came."""
        data = b"".join([piece async for piece in pieces])
        return UploadFault.DAMAGED if b"damaged" in data else Photo(data, 640, 480)


SETTINGS = FileSettings(photo_megabytes=1, video_megabytes=1)


@asynccontextmanager
async def sending(
    template: Path,
    folder: Path,
    clock: FakeClock,
    channel: str = "sent",
    photos: PhotoReencoder | None = None,
) -> AsyncIterator[UploadStage]:
    """A citizen who asked for help in a channel."""
    async with staged(template, folder, clock) as stage:
        place = folder / "evidence"
        policy = CasePolicy(files=replace(SETTINGS, folder=place))
        context = replace(stage.context, rules=replace(stage.context.rules, policy=policy))
        cases = CitizenCases(stage.citizen_cases.sign_in_context, context)
        opened = replace(
            stage,
            context=context,
            citizen_cases=cases,
            citizen=CitizenDriver(cases.sign_in_context, cases),
            console=replace(stage.console, context=context),
        )
        folder_objects = FolderObjects(place)
        files = FileContext(
            context, stage.facts.evidence_files, {"folder": folder_objects}, "folder", photos or ImageReencoder()
        )
        handle = await opened.arrives(Level.LOW)
        await opened.asks(handle, HelpRequest("email", "ada@example.org", channel))
        sign_in = cases.sign_in_context
        door = citizens.CitizenApp(
            sign_in, cases, pages(), sign_in.crypto.macs, context.system, files=CitizenFiles(sign_in, files)
        )
        shown = citizens.citizen_routes(door)
        inner = fast_router(shown, public.handlers(pages()), NotFoundHandler(ISSUER, typeable_paths(shown)))
        app = guarded(inner, context.system, BodyLimits(larger=upload_limits(policy.files)))
        yield UploadStage(opened, files, app, place, handle)
