"""Pushed authorization request (RFC 9126): the provider stores the request, and the browser carries its reference."""

import re
from collections.abc import Mapping
from typing import Final

from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpResponse, NotJson
from broker.provider import UpstreamRedirect
from providers.openid.authorization_request import encoded
from providers.openid.config import OpenIdConfig
from providers.openid.direct_calls import DirectCalls
from providers.openid.error_mapping import ErrorMap
from providers.openid.errors import PAR, UpstreamError, UpstreamFault
from providers.openid.metadata import Metadata

MARGIN: Final = 5.0
"""Seconds before the end of a `request_uri` from which the browser is no longer sent with it."""

LONGEST_LIFE: Final = 600.0
_REFERENCE: Final = re.compile(r"[\x21-\x7E]{1,512}", re.ASCII)


async def push(
    calls: DirectCalls,
    metadata: Metadata,
    config: OpenIdConfig,
    errors: ErrorMap,
    parameters: Mapping[str, str],
    note: JsonObject,
) -> UpstreamRedirect:
    """Pushes the request. Returns the URL with its reference, which works once. Raises UpstreamError.

    `note` is the state of the attempt, and says when it began.
    """
    if metadata.pushed_endpoint is None:
        raise UpstreamError(UpstreamFault.METADATA_ENDPOINT, "metadata: no pushed_authorization_request_endpoint")
    answer = await calls.post(metadata, metadata.pushed_endpoint, parameters, note)
    if not isinstance(answer, HttpResponse):
        raise PAR.failed(answer)
    if answer.status not in (200, 201):
        raise errors.of_endpoint(PAR, answer)
    document = answer.json()
    if isinstance(document, NotJson):
        raise PAR.failed(document)
    reference, life = document.get("request_uri"), document.get("expires_in")
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        raise UpstreamError(UpstreamFault.PAR_UNREADABLE, f"{PAR.name}: request_uri is missing or malformed")
    if isinstance(life, bool) or not isinstance(life, int | float) or not life > 0:
        raise UpstreamError(UpstreamFault.PAR_UNREADABLE, f"{PAR.name}: expires_in is missing or not positive")
    endpoint = metadata.authorization_endpoint
    query = encoded({"client_id": config.client_id, "request_uri": reference})
    lasting = max(min(float(life), LONGEST_LIFE) - MARGIN, 1.0)
    return UpstreamRedirect(
        f"{endpoint}{'&' if '?' in endpoint else '?'}{query}", note, float(str(note["at"])) + lasting
    )
