"""Form of the texts about a failure class: what a citizen reads of it, and what the public explainer says.

Placeholders: {provider}, {service} and {site}. No text blames the citizen, or names what did not match, fraud or death.
"""

from dataclasses import dataclass

from broker.web.shared.i18n import marked

NOTHING_SHARED = marked("{service} was told nothing about you this time.")
NO_SERVICE = marked("Opening this page shared nothing about you.")


@dataclass(frozen=True, slots=True)
class FailureText:
    """The texts of one failure class.

    `title` and `story` say what happened, `not_shared` what no service received. The picker shows `short` beside
    a provider that failed before. The others are for the public explainer, which knows neither provider nor service.
    """

    heading: str
    title: str
    story: tuple[str, ...]
    meaning: str
    advice: str
    short: str = ""
    not_shared: str = NOTHING_SHARED
