"""Static files: held in memory, plain and gzipped; names contain a hash, so that browsers cache them for a year."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.web.shared import request_parsing

ASSETS = Path(__file__).parents[1] / "assets"
BUILT = Path(__file__).parents[1] / "static" / "built"
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Statics:
    """Files by public path. `styles` is the style sheet's path by text direction ("ltr", "rtl").

    `mark`, `leave`, `session`, `watch`, `passkey`, `camera` and `idle` are the paths of the logo and of six scripts.
    """

    files: Mapping[str, "Static"]
    styles: Mapping[str, str]
    mark: str
    leave: str
    session: str
    watch: str
    passkey: str
    camera: str
    idle: str


@dataclass(frozen=True, slots=True)
class Static:
    """One file: its content, plain and gzipped, and its media type."""

    plain: bytes
    packed: bytes
    media_type: str


def statics(sheet: str = "portico", built: Path = BUILT, assets: Path = ASSETS) -> Statics:
    """Reads the files. `sheet` is the style sheet: "portico" for citizens, "console" for staff.

    Raises FileNotFoundError if the style sheets were not built (`make setup`).
    """
    files: dict[str, Static] = {}

    def put(path: Path, media_type: str) -> str:
        content = path.read_bytes()
        name = f"/static/{path.stem}.{hashlib.sha256(content).hexdigest()[:16]}{path.suffix}"
        files[name] = Static(content, gzip.compress(content, 9, mtime=0), media_type)
        return name

    return Statics(
        files=files,
        styles={"ltr": put(built / f"{sheet}.css", "text/css"), "rtl": put(built / f"{sheet}.rtl.css", "text/css")},
        mark=put(assets / "mark.svg", "image/svg+xml"),
        leave=put(assets / "leave.js", "text/javascript"),
        session=put(assets / "session.js", "text/javascript"),
        watch=put(assets / "watch.js", "text/javascript"),
        passkey=put(assets / "passkey.js", "text/javascript"),
        camera=put(assets / "camera.js", "text/javascript"),
        idle=put(assets / "idle.js", "text/javascript"),
    )


def static_routes(statics: Statics) -> list[Route]:
    """The route that serves the files."""

    async def file(request: Request) -> Response:
        static = statics.files.get(request_parsing.path(request))
        if static is None:
            return Response(status_code=404)
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        if "gzip" in (request_parsing.joined_header(request, b"accept-encoding") or ""):
            return Response(
                static.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=static.media_type
            )
        return Response(static.plain, headers=headers, media_type=static.media_type)

    return [Route("/static/{name}", file, methods=["GET"])]
