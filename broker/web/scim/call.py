"""A call of the operator's directory: its token, its body, its versions, and answers in the form of SCIM."""

import hmac
import json
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from scim2_models import (
    Context,
    Error,
    InvalidSyntaxException,
    ListResponse,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResponseParameters,
    SCIMException,
    ScimPolicy,
)
from starlette.requests import Request
from starlette.responses import Response

from broker.actions.people.provisioning import DirectoryState, Provisioning
from broker.actions.ports import RateLimits
from broker.model.rate_limit import RateWindow
from broker.model.staff_people import StaffEntry
from broker.model.store_results import StoreUnavailable
from broker.web.shared.request_parsing import client_ip, header, joined_header

BASE: Final = "/scim/v2"
MOST: Final = 200
"""Resources of one page at most."""

_LOG: Final = logging.getLogger("portico.app")
_TYPE: Final = "application/scim+json"
_POLICY: Final = ScimPolicy(unknown=ScimPolicy.Unknown.ignore, remove_value_as_filter=ScimPolicy.RemoveValue.apply)
"""Attributes that the broker does not keep are ignored. Microsoft Entra names the members to remove by a value."""


@dataclass(frozen=True, slots=True)
class ScimServer:
    """What the routes work with: the directory, the origin of the console, the bearer token as it is sent, and how many
    wrong ones an address may send.
    """

    provisioning: Provisioning
    origin: str
    token: str
    rates: RateLimits
    wrong_tokens: RateWindow

    @property
    def base(self) -> str:
        """The base URL, never made from the request's `Host`."""
        return f"{self.origin}{BASE}"


@dataclass(frozen=True, slots=True)
class Call:
    """A request with the bearer token."""

    server: ScimServer
    request: Request

    @property
    def id(self) -> str:
        """The id in the path."""
        return str(self.request.path_params["resource"])

    @property
    def base(self) -> str:
        """The base URL."""
        return self.server.base

    def json(self, body: Any, status: int = 200, etag: str | None = None, location: str | None = None) -> Response:
        """A response with a SCIM object."""
        named = {"ETag": etag, "Location": location}
        headers = {name: value for name, value in named.items() if value is not None}
        return Response(json.dumps(body), status, headers, media_type=_TYPE)

    async def body(self) -> Mapping[str, Any]:
        """The JSON object that was sent. Raises InvalidSyntaxException."""
        try:
            found = json.loads(await self.request.body())
        except (ValueError, RecursionError):
            raise InvalidSyntaxException(detail="the body is not JSON") from None
        if not isinstance(found, dict):
            raise InvalidSyntaxException(detail="the body is not a JSON object")
        return found

    async def person(self) -> tuple[DirectoryState, StaffEntry]:
        """The directory, and the person in the path. Raises NotFoundException and PreconditionFailedException."""
        state = await self.server.provisioning.state()
        entry = state.people.get(self.id)
        if entry is None:
            raise NotFoundException(detail="there is no such user")
        self.check_version(f'W/"{entry.version}"')
        return state, entry

    def check_version(self, version: str) -> None:
        """Compares `If-Match` with the version of the resource (RFC 7644 3.14). Raises PreconditionFailedException."""
        wanted = joined_header(self.request, b"if-match")
        if wanted is not None and self.request.method != "GET" and not _named(version, wanted):
            raise PreconditionFailedException(detail="the resource has another version")

    def shown(self, resource: Resource[Any], context: Context, status: int = 200) -> Response:
        """A resource as a response, with the attributes that the query asks for."""
        version = None if resource.meta is None else resource.meta.version
        unless = joined_header(self.request, b"if-none-match")
        if self.request.method == "GET" and version is not None and unless is not None and _named(version, unless):
            return Response(b"", 304, {"ETag": version})
        location = resource.meta.location if status == 201 and resource.meta is not None else None
        return self.json(
            resource.model_dump(scim_ctx=context, response_parameters=parameters_of(self.request)),
            status,
            version,
            location,
        )


Answer = Callable[[Call], Awaitable[Response]]


def handler_of(server: ScimServer, answers: Mapping[str, Answer]) -> Callable[[Request], Awaitable[Response]]:
    expected = f"Bearer {server.token}".encode()

    async def handler(request: Request) -> Response:
        if (wait := await _limited(server, request)) is not None:
            _LOG.warning("scim_limited", extra={"seconds": wait})
            return error_response(Error(status=429, detail="too many wrong tokens"), {"Retry-After": str(wait)})
        presented = (header(request, b"authorization") or "").encode("latin-1")
        if not hmac.compare_digest(presented, expected):
            _LOG.warning("scim_token_refused", extra={"sent": bool(presented)})
            return error_response(Error(status=401, detail="a bearer token is needed"), {"WWW-Authenticate": "Bearer"})
        await _give_back(server, request)
        answer = answers.get("GET" if request.method == "HEAD" else request.method)
        if answer is None:
            status, detail = (405, "the method is not served here") if answers else (404, "there is no such endpoint")
            allowed = {"Allow": ", ".join(answers)} if answers else {}
            return error_response(Error(status=status, detail=detail), allowed)
        try:
            with _POLICY:
                return await answer(Call(server, request))
        except ValidationError as problem:
            return error_response(Error.from_validation_errors(problem)[0])
        except SCIMException as problem:
            return error_response(problem.to_error())

    return handler


async def _limited(server: ScimServer, request: Request) -> int | None:
    """Counts a token, before it is compared; the seconds to wait if the address sent too many wrong ones.

    Beyond the limit no token is compared. A limit protects the machine, not the token, which cannot be guessed: while
    the store is unreachable there is none.
    """
    rate = server.wrong_tokens
    try:
        allowed = await server.rates.allow(_counter(request), rate.most, rate.window)
    except StoreUnavailable:
        return None
    now = server.provisioning.system.now()
    return None if allowed else max(1, math.ceil(rate.ends(now) - now))


async def _give_back(server: ScimServer, request: Request) -> None:
    """Takes the right token out of the count."""
    with suppress(StoreUnavailable):
        await server.rates.give_back(_counter(request), server.wrong_tokens.window)


def _counter(request: Request) -> str:
    return f"scim:{client_ip(request)}"


def error_response(error: Error, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(error.model_dump()), error.status or 400, headers, media_type=_TYPE)


def _named(version: str, header_value: str) -> bool:
    """Whether an entity tag is among those of a header, by the weak comparison (RFC 9110 8.8.3.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in header_value.split(",")}
    return "*" in tags or version.removeprefix("W/") in tags


def parameters_of(request: Request) -> ResponseParameters[Any]:
    """The attributes that the query asks for. Raises ValidationError."""
    return ResponseParameters[Any].model_validate(query_of(request, ("attributes", "excludedAttributes")))


def query_of(request: Request, names: Sequence[str]) -> dict[str, Any]:
    """Parameters of the query by these names; those that are lists are split."""
    found = {name: request.query_params[name] for name in names if name in request.query_params}
    lists = ("attributes", "excludedAttributes")
    return {name: value.split(",") if name in lists else value for name, value in found.items()}


def list_of(
    page: Sequence[Resource[Any]], start: int, total: int, asked: ResponseParameters[Any] | None = None
) -> Mapping[str, Any]:
    """A ListResponse (RFC 7644 3.4.2) with the attributes that were asked for."""
    context = Context.RESOURCE_QUERY_RESPONSE
    return {
        "schemas": [str(ListResponse.__schema__)],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(page),
        "Resources": [one.model_dump(scim_ctx=context, response_parameters=asked) for one in page],
    }
