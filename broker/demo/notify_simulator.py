"""Simulator of GOV.UK Notify: takes notifications as its REST API does, and keeps them instead of sending."""

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SKEW = 30
"""Seconds by which a token's time may differ."""

ADDRESSES = {"email": "email_address", "sms": "phone_number"}
PLACEHOLDER = re.compile(r"\(\((\w+)\)\)")


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One notification, with its text."""

    type: str
    to: str
    subject: str
    text: str
    reference: str


@dataclass
class NotifySimulator:
    """The server. `templates` are type ("email", "sms", "letter"), subject and text by id; `faults` are responses that
    are given first, each once: status and headers.
    """

    service: str
    secret: str
    templates: Mapping[str, tuple[str, str, str]]
    take: Callable[[SentMessage], None]
    faults: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/v2/notifications/{type}", self.send, methods=["POST"]),
                Route("/v2/template/{id}", self.template, methods=["GET"]),
            ]
        )

    async def send(self, request: Request) -> Response:
        """Takes a notification."""
        if self.faults:
            status, headers = self.faults.pop(0)
            return error(status, "RateLimitError" if status == 429 else "Exception", "as configured", headers)
        if not self.authenticated(request):
            return error(403, "AuthError", "Invalid token: check your system clock and your API key")
        kind, body = request.path_params["type"], await request.json()
        template = self.templates.get(body.get("template_id", ""))
        if template is None or template[0] != kind:
            return error(400, "BadRequestError", "Template not found")
        values = body.get("personalisation", {})
        missing = {*PLACEHOLDER.findall(template[1] + template[2])} - values.keys()
        if missing:
            return error(400, "BadRequestError", f"Missing personalisation: {', '.join(sorted(missing))}")
        to = "\n".join(address_lines(values)) if kind == "letter" else body.get(ADDRESSES[kind], "")
        if not to or to.endswith("@invalid"):
            return error(400, "ValidationError", f"{ADDRESSES.get(kind, 'address_line_1')} is not valid")
        subject, text = (PLACEHOLDER.sub(lambda found: values[found[1]], one) for one in template[1:])
        self.take(SentMessage(kind, to, subject, text, body.get("reference", "")))
        return JSONResponse({"id": str(uuid.uuid4()), "reference": body.get("reference")}, 201)

    async def template(self, request: Request) -> Response:
        """One template with its placeholders."""
        if not self.authenticated(request):
            return error(403, "AuthError", "Invalid token")
        found = self.templates.get(request.path_params["id"])
        if found is None:
            return error(404, "NoResultFound", "No result found")
        names = {name: {"required": True} for name in PLACEHOLDER.findall(found[1] + found[2])}
        return JSONResponse(
            {"id": request.path_params["id"], "type": found[0], "body": found[2], "personalisation": names}
        )

    def authenticated(self, request: Request) -> bool:
        """Whether the token is signed with the secret and was made now."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        signed, _, mac = token.rpartition(".")
        expected = hmac.digest(self.secret.encode(), signed.encode(), hashlib.sha256)
        if not hmac.compare_digest(base64.urlsafe_b64encode(expected).rstrip(b"=").decode(), mac):
            return False
        head, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split("."))
        fresh = abs(claims["iat"] - time.time()) <= SKEW
        return bool(head == {"typ": "JWT", "alg": "HS256"} and claims.keys() == {"iss", "iat"} and fresh)


def address_lines(values: Mapping[str, str]) -> Iterable[str]:
    """The lines of a letter's address."""
    return [values[name] for number in range(1, 8) if (name := f"address_line_{number}") in values]


def error(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as Notify writes it."""
    return JSONResponse({"status_code": status, "errors": [{"error": kind, "message": message}]}, status, headers)
