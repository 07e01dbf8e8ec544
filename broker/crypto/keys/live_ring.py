"""Current key ring of a process, reloaded when the folder changes."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from broker.crypto.jose import KeySet, SigningKey
from broker.crypto.keys.index import INDEX, KeysUnusable, digest
from broker.crypto.keys.pkcs11 import Pkcs11Tokens
from broker.crypto.keys.ring import KeyRing, load_all

LOG: Final = logging.getLogger("portico.keys")


class LiveKeyRing:
    """Key ring of a process that follows its folder.

    A new ring replaces the old one in one assignment; a caller that holds the old one can finish with it. The first
    load raises KeysUnusable for an invalid folder; later the old ring stays.
    """

    def __init__(self, folder: Path, tokens: Pkcs11Tokens) -> None:
        self.folder, self.tokens = folder, tokens
        self._index_stat, self._seen, self._reported = self._stat_index(), digest(folder), ""
        self._reading = asyncio.Lock()
        self._ring = load_all(folder, tokens)

    def ring(self) -> KeyRing:
        """Current ring."""
        return self._ring

    def signing(self, alg: str) -> SigningKey:
        """Current signing key for an algorithm. Raises KeysUnusable if there is none."""
        return self._ring.signing(alg)

    def public(self) -> KeySet:
        """Public keys of all signatures that may still be valid."""
        return self._ring.public

    async def poll(self) -> None:
        """Reloads the ring if the index file changed. Meant for every few seconds: one stat call."""
        index_stat = self._stat_index()
        if index_stat == self._index_stat and not self._reported:
            return
        if digest(self.folder) != self._seen or self._reported:
            await self.reload()
        else:
            self._index_stat = index_stat

    async def reload(self) -> None:
        """Reads the folder again. If it is invalid, the old ring stays and the error is logged once."""
        async with self._reading:
            await self._reload()

    async def _reload(self) -> None:
        index_stat, seen = self._stat_index(), digest(self.folder)
        try:
            # in a thread: importing keys is slow, most of all from a token without a stored public half
            ring = await asyncio.to_thread(load_all, self.folder, self.tokens)
        except KeysUnusable as unusable:
            if digest(self.folder) != seen:
                return  # it was replaced while being read: the next poll reads it again
            if str(unusable) != self._reported:
                LOG.error("keys_unusable", extra={"problems": [str(problem) for problem in unusable.problems]})
            self._reported = str(unusable)
            return
        finally:
            self._index_stat = index_stat
        fixed = (ring.sealing, ring.sealing_previous, ring.audit.kid)
        if fixed != (self._ring.sealing, self._ring.sealing_previous, self._ring.audit.kid):
            LOG.warning("keys_need_restart", extra={"detail": "sealing secrets and audit keys change with a restart"})
        self._ring, self._seen, self._reported = ring, seen, ""
        LOG.info("keys_changed", extra={"current": [key.kid for key in ring.current.values()]})

    def _stat_index(self) -> tuple[int, int, int]:
        try:
            found = (self.folder / INDEX).stat()
        except OSError:
            return 0, 0, 0
        return found.st_mtime_ns, found.st_size, found.st_ino
