"""Notes of the operator on the status page: what happened and what is done about it, in the operator's words."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.model.audit import AuditEvent


@dataclass(frozen=True, slots=True)
class StatusNote:
    """One note. `subject` is the id of a provider, or "" for the broker; times are seconds since 1970 UTC.

    `texts` are by language; a page in another language marks the one that it shows. `ended` is None while it lasts.
    """

    id: str
    subject: str
    began: float
    changed: float
    texts: Mapping[str, str]
    ended: float | None = None

    def spoken(self, code: str) -> tuple[str, str]:
        """The text for a page in a language, and the language of that text."""
        found = code if code in self.texts else next(iter(self.texts))
        return self.texts[found], found


def note_event(kind: str, note: StatusNote, now: float, actor: str) -> AuditEvent:
    """The audit row of a note that was written, changed, ended or withdrawn: what `kind` says."""
    details = {"note": note.id, "languages": " ".join(note.texts)}
    return AuditEvent(f"status_note_{kind}", now, actor, provider=note.subject or None, details=details)
