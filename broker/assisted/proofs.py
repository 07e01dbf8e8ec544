"""Proofs with which a citizen binds an approved identity, and the level that each combination is worth.

The levels are data (`[authentication]` in the profile file). A confirmation code reaches the contact address; the words
were said in the session; the asking browser is the one that showed them; in a call an agent reads out a second code.
"""

from dataclasses import dataclass

from broker.assisted.profiles import AuthenticationRule
from broker.model.assurance import Level


@dataclass(frozen=True, slots=True)
class Proofs:
    """What a citizen presents together. `words` are those that were exchanged in the session, `passkey` is one that was
    made in the asking browser and confirmed there, `device_bound` says that it stays on its device."""

    asking_browser: bool = False
    code: bool = False
    words: bool = False
    call_back: bool = False
    passkey: bool = False
    device_bound: bool = False


def worth(proofs: Proofs, rule: AuthenticationRule) -> Level:
    """The level of proofs that were all right.

    Asking browser, code and words together show that the person in the session, the browser that opened the case and
    the contact address belong to one person. A call stands in for the words or for the browser. Code and call alone
    reach the same telephone and prove one thing. A passkey carries the asking browser and the words to any device.
    """
    if proofs.passkey:
        return rule.device_bound if proofs.device_bound else rule.passkey
    if proofs.asking_browser and proofs.code and proofs.words:
        return rule.live
    if proofs.call_back and proofs.code and (proofs.asking_browser or proofs.words):
        return rule.call_back
    return rule.code


@dataclass(frozen=True, slots=True)
class Needs:
    """What a citizen can type in here to prove what the service needs.

    `code`: the confirmation code alone is enough. `words`: enough with it. `call`: the number of a call is enough with
    the code; `call_and_words`: with code and words.
    """

    code: bool
    words: bool
    call: bool
    call_and_words: bool

    @property
    def without_call(self) -> bool:
        """Whether the citizen can finish here without a call."""
        return self.code or self.words

    @property
    def by_call(self) -> bool:
        """Whether a call helps."""
        return self.call or self.call_and_words


NOTHING_NEEDED = Needs(code=True, words=True, call=True, call_and_words=True)
"""The confirmation code is enough."""


def needs(need: Level, rule: AuthenticationRule, *, asking: bool, exchanged: bool) -> Needs:
    """What proves at least `need` in this browser. `asking`: it is the asking one; `exchanged`: words were said."""

    def enough(*, words: bool, call: bool) -> bool:
        return worth(Proofs(asking, code=True, words=words and exchanged, call_back=call), rule) >= need

    return Needs(
        code=enough(words=False, call=False),
        words=enough(words=True, call=False),
        call=enough(words=False, call=True),
        call_and_words=enough(words=True, call=True),
    )
