"""What a process asks for the key ring: always the one that the folder has now."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from broker.crypto.jose import KeySet, SigningKey
from broker.crypto.keys.index import INDEX, KeysUnusable, digest
from broker.crypto.keys.pkcs11 import Pkcs11Tokens
from broker.crypto.keys.ring import ImportCache, KeyRing, load_all

LOG: Final = logging.getLogger("portico.keys")


class LiveKeyRing:
    """The key ring of a process. The folder is the truth; this follows it.

    A new ring takes the place of the old one in one assignment. Whoever asked before goes on with the old one, which
    stays whole. Raises KeysUnusable for a folder that is wrong at the start; later the old ring stays.
    """

    def __init__(self, folder: Path, tokens: Pkcs11Tokens) -> None:
        self.folder, self.tokens = folder, tokens
        self._mark, self._seen, self._told = self._looks(), digest(folder), ""
        self._imports, self._reading = ImportCache(), asyncio.Lock()
        self._ring = load_all(folder, tokens, self._imports)

    def ring(self) -> KeyRing:
        """The ring as it is now."""
        return self._ring

    def signing(self, alg: str) -> SigningKey:
        """The key that signs with an algorithm now. Raises KeysUnusable where there is none."""
        return self._ring.signing(alg)

    def public(self) -> KeySet:
        """All keys that may have signed something still in use, as of now."""
        return self._ring.public

    async def poll(self) -> None:
        """Follows the folder if it looks otherwise than before. For every few seconds: one look at one file."""
        mark = self._looks()
        if mark == self._mark and not self._told:
            return
        if digest(self.folder) != self._seen or self._told:
            await self.reload()
        else:
            self._mark = mark

    async def reload(self) -> None:
        """Reads the folder again. One that is wrong leaves everything as it was, and an error in the log, once."""
        async with self._reading:
            await self._reload()

    async def _reload(self) -> None:
        mark, seen = self._looks(), digest(self.folder)
        try:
            # in a thread: keys take a while to import, and a key in a token whose public half is not kept takes longer
            ring = await asyncio.to_thread(load_all, self.folder, self.tokens, self._imports)
        except KeysUnusable as unusable:
            if digest(self.folder) != seen:
                return  # it was replaced while it was read: the next look sees it whole
            if str(unusable) != self._told:
                LOG.error("keys_unusable", extra={"problems": [str(problem) for problem in unusable.problems]})
            self._told = str(unusable)
            return
        finally:
            self._mark = mark
        fixed = (ring.sealing, ring.sealing_previous, ring.audit.kid)
        if fixed != (self._ring.sealing, self._ring.sealing_previous, self._ring.audit.kid):
            LOG.warning("keys_need_restart", extra={"detail": "sealing secrets and audit keys change with a restart"})
        self._ring, self._seen, self._told = ring, seen, ""
        LOG.info("keys_changed", extra={"current": [key.kid for key in ring.current.values()]})

    def _looks(self) -> tuple[int, int, int]:
        try:
            found = (self.folder / INDEX).stat()
        except OSError:
            return 0, 0, 0
        return found.st_mtime_ns, found.st_size, found.st_ino
