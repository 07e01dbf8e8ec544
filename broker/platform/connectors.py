"""Connectors over HTTP: a source takes a question as a JSON object and answers with one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from broker.model.look_up import LookUpAnswer, LookUpFailed, LookUpQuestion
from broker.platform.http_client import HttpClient, HttpResponse

LONGEST_REFERENCE: Final = 100
"""Characters of the reference of an answer at most."""

_Settings = TypeVar("_Settings")


@dataclass(frozen=True, slots=True)
class HttpConnector(Generic[_Settings]):
    """Posts `{"reference", "checks", "values"}` to a URL and reads `{"reference", "answers"}`.

    `authorization` is the value of the header Authorization; `timeout` is in seconds, over everything.
    """

    settings: _Settings
    url: str
    client: HttpClient
    timeout: float
    authorization: str | None = field(default=None, repr=False)

    async def look_up(self, question: LookUpQuestion) -> LookUpAnswer | LookUpFailed:
        """Asks the source once. Any answer but a well-formed one is a failure."""
        body = {"reference": question.reference, "checks": list(question.checks), "values": dict(question.values)}
        headers: Mapping[str, str] = {} if self.authorization is None else {"Authorization": self.authorization}
        try:
            async with asyncio.timeout(self.timeout):
                response = await self.client.post_json(self.url, body, headers)
        except TimeoutError:
            return LookUpFailed("no answer in time")
        if not isinstance(response, HttpResponse):
            return LookUpFailed(response.detail)
        found = response.json() if response.status == 200 else None
        if not isinstance(found, Mapping):
            return LookUpFailed(f"status {response.status}, or no JSON object")
        reference, answers = found.get("reference"), found.get("answers")
        if not isinstance(reference, str) or not 0 < len(reference.strip()) <= LONGEST_REFERENCE:
            return LookUpFailed("no reference")
        if not isinstance(answers, Mapping):
            return LookUpFailed("no answers")
        given: dict[str, bool | None] = {}
        for check in question.checks:
            answer = answers.get(check)
            if answer is not None and not isinstance(answer, bool):
                return LookUpFailed("an answer is not true, false or null")
            given[check] = answer
        return LookUpAnswer(reference.strip(), given)
