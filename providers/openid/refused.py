"""How the steps of a sign-in stop: raised inside the kind, a value outside it."""

from broker.kept import Missed
from broker.outgoing import NotJson, Response, TooLarge, Trouble
from broker.provider import Failure, Reason


class Refused(Missed):
    """A sign-in ends here. `failure` is what the journey is told."""

    def __init__(self, reason: Reason, detail: str, *, outage: bool = False) -> None:
        super().__init__(detail)
        self.failure = Failure(reason, detail, outage)


def outage(what: str, problem: Response | NotJson | Trouble, *, about_one: bool = False) -> Refused:
    """The provider did not answer as it must: a failed call, a status other than 200, a body that is no JSON object.

    `about_one`: the answer was about one citizen, whose own details may be what made it too large.
    """
    match problem:
        case Response(status=429):
            return Refused(Reason.BUSY, f"{what}: status 429", outage=True)
        case Response(status=status):
            return Refused(Reason.UNAVAILABLE, f"{what}: status {status}", outage=True)
        case _:
            name = type(problem).__name__
            whose = about_one and isinstance(problem, TooLarge)
            return Refused(Reason.UNAVAILABLE, f"{what}: {name}: {problem.detail}", outage=not whose)
