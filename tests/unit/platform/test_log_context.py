"""Log context: which ids a log line has, in the request, in its tasks and threads, and outside of it."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from broker.platform.log_context import bind_ids, bind_request, log_fields, unbind_request
from broker.platform.logging_setup import JsonLines


@contextmanager
def request(name: str) -> Iterator[None]:
    """A request with this id."""
    token = bind_request(name)
    try:
        yield
    finally:
        unbind_request(token)


def line(**extra: object) -> dict[str, object]:
    """A line as it is written now."""
    record = logging.makeLogRecord(
        {
            "msg": "happened",
            "name": "portico.web",
            "levelname": "INFO",
            "created": 1_800_000_000.25,
            "msecs": 250.0,
            **extra,
        }
    )
    written: dict[str, object] = json.loads(JsonLines().format(record))
    return written


def test_a_line_has_its_time_in_iso_8601_utc_and_no_ids_outside_of_a_request() -> None:
    bind_ids(client_id="rides", reference="ABCD-EFGH")
    assert line() == {"at": "2027-01-15T08:00:00.250Z", "level": "info", "part": "portico.web", "event": "happened"}


def test_ids_are_added_as_they_become_known_and_end_with_the_request() -> None:
    with request("one"):
        assert log_fields() == {"request_id": "one"}
        bind_ids(client_id="rides")
        bind_ids(reference="ABCD-EFGH")
        assert log_fields() == {"request_id": "one", "client_id": "rides", "reference": "ABCD EFGH"}
        assert line(client_id="other")["client_id"] == "other"
    assert log_fields() == {}


async def test_tasks_and_threads_of_a_request_share_its_ids_and_other_requests_do_not() -> None:
    async def inner() -> None:
        bind_ids(client_id="rides")

    async def other() -> object:
        with request("two"):
            await asyncio.sleep(0)
            return log_fields()

    with request("one"):
        await asyncio.create_task(inner())
        assert (await asyncio.to_thread(log_fields))["client_id"] == "rides"
        assert await asyncio.create_task(other()) == {"request_id": "two"}
        assert log_fields() == {"request_id": "one", "client_id": "rides"}
