"""Evidence files in an S3-compatible object store, through obstore (the extra `s3`)."""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from broker.model.evidence_file import FileLost, S3Settings
from broker.model.store_results import StoreUnavailable

_PART: Final = 5 * 1024 * 1024
"""Size of a part of a multipart upload: the smallest that S3 accepts."""


@contextmanager
def _as_ours(name: str) -> Iterator[None]:
    """Raises FileLost and StoreUnavailable in place of the library's exceptions; others pass through."""
    try:
        yield
    except FileNotFoundError:
        raise FileLost(name) from None
    except (BaseError, OSError) as fault:
        raise StoreUnavailable(f"object store of evidence files: {type(fault).__name__}") from fault


class S3Objects:
    """Objects in one bucket."""

    place: Final = "s3"

    def __init__(self, settings: S3Settings, access_key_id: str, secret_access_key: str) -> None:
        self._store = S3Store(
            settings.bucket,
            prefix=settings.prefix,
            endpoint=settings.endpoint,
            region=settings.region,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
            virtual_hosted_style_request=settings.virtual_hosted,
            client_options={
                "connect_timeout": timedelta(seconds=3),
                "timeout": timedelta(seconds=30),
                "allow_http": settings.endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
        )

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> None:
        """Writes an object, in parts if it is large. Raises StoreUnavailable.

        If `pieces` raises, no object appears; parts that were sent stay until the bucket's rule
        AbortIncompleteMultipartUpload removes them.
        """
        with _as_ours(name):
            await obstore.put_async(self._store, name, pieces, chunk_size=_PART, max_concurrency=2)

    async def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """Part of an object. Raises FileLost if there is no such object, StoreUnavailable if it cannot be read."""
        if length <= 0:
            return
        with _as_ours(name):
            found = await obstore.get_async(self._store, name, options={"range": (start, start + length)})
            async for piece in found.stream():
                yield bytes(piece)

    async def delete(self, name: str) -> None:
        """Deletes an object, if there is one. Raises StoreUnavailable."""
        try:
            with _as_ours(name):
                await obstore.delete_async(self._store, name)
        except FileLost:
            return
