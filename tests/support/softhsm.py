"""SoftHSM, a hardware security module in software, with a token in a temporary folder."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.programs import need

PIN = "271828"
LABEL = "portico"


@dataclass(frozen=True, slots=True)
class SoftHsm:
    """A token. Its users set the environment variable SOFTHSM2_CONF to `conf`."""

    folder: Path

    @property
    def conf(self) -> Path:
        """The configuration file of SoftHSM."""
        return self.folder / "softhsm2.conf"

    @property
    def pin_file(self) -> Path:
        """A file with the PIN."""
        return self.folder / "pin"

    @property
    def module(self) -> Path:
        """The PKCS#11 library, in the same installation as the program."""
        return _library()

    @property
    def _tokens(self) -> Path:
        return self.folder / "tokens"

    def pull(self) -> None:
        """Unplugs the token."""
        self._tokens.rename(self.folder / "pulled")
        self._tokens.mkdir()

    def plug(self) -> None:
        """Plugs the token in again."""
        self._tokens.rmdir()
        (self.folder / "pulled").rename(self._tokens)

    def entry(self, **changes: str) -> str:
        """The entry of `keys.toml` for a key in the token; `label` or `id` name the object."""
        members = {"module": str(self.module), "token": LABEL, "pin_file": str(self.pin_file), **changes}
        return "{ " + ", ".join(f'{name} = "{value}"' for name, value in members.items()) + " }"


@cache
def _library() -> Path:
    usual = need("softhsm2-util").resolve().parents[1] / "lib"
    return next(iter(sorted(usual.rglob("libsofthsm2.so"))))


def softhsm(folder: Path) -> SoftHsm:
    """Creates an empty token with its PIN."""
    made = SoftHsm(folder)
    (folder / "tokens").mkdir(parents=True)
    made.conf.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    made.pin_file.write_text(PIN + "\n")
    made.pin_file.chmod(0o600)
    command = [need("softhsm2-util"), "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "31415926"]
    subprocess.run(command, env={"SOFTHSM2_CONF": str(made.conf)}, check=True, capture_output=True)
    return made
