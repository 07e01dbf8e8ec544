"""Video rooms over HTTP: the operator's tool takes a request as a JSON object and answers with the link to a room."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.platform.http_client import HttpClient, HttpResponse

LONGEST_LINK: Final = 300
"""Characters of a link at most: it has to fit into a text message."""


@dataclass(frozen=True, slots=True)
class HttpVideoRooms:
    """Posts `{"request_id"}` to a URL and reads `{"link"}`. A link that does not begin with `links` is refused: no
    citizen gets a link to another place.

    `authorization` is the value of the header Authorization.
    """

    url: str
    links: str
    client: HttpClient
    authorization: str | None = field(default=None, repr=False)

    async def open(self, request_id: str) -> str | None:
        """Opens a room. Returns its link; None for any other answer. The request names no person and no case."""
        headers: Mapping[str, str] = {} if self.authorization is None else {"Authorization": self.authorization}
        response = await self.client.post_json(self.url, {"request_id": request_id}, headers)
        found = response.json() if isinstance(response, HttpResponse) and response.status in (200, 201) else None
        link = found.get("link") if isinstance(found, Mapping) else None
        if not isinstance(link, str) or not link.startswith(self.links) or len(link) > LONGEST_LINK:
            return None
        return link if link.isascii() and link.isprintable() and " " not in link else None
