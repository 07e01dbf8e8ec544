"""Events of a case, by their source: the citizen, a member of staff (`by`), or a deadline."""

from broker.assisted.events.citizen import Bound as Bound
from broker.assisted.events.citizen import ByCitizen as ByCitizen
from broker.assisted.events.citizen import CodeSent as CodeSent
from broker.assisted.events.citizen import ContinuationCodeIssued as ContinuationCodeIssued
from broker.assisted.events.citizen import DeviceConfirmed as DeviceConfirmed
from broker.assisted.events.citizen import MeetingRequested as MeetingRequested
from broker.assisted.events.citizen import ReadyForSession as ReadyForSession
from broker.assisted.events.citizen import Released as Released
from broker.assisted.events.citizen import Repudiated as Repudiated
from broker.assisted.events.citizen import Resumed as Resumed
from broker.assisted.events.citizen import Submitted as Submitted
from broker.assisted.events.citizen import TransactionReplaced as TransactionReplaced
from broker.assisted.events.citizen import Withdrawn as Withdrawn
from broker.assisted.events.clock import AttemptsExhausted as AttemptsExhausted
from broker.assisted.events.clock import ByClock as ByClock
from broker.assisted.events.clock import DeadlinePassed as DeadlinePassed
from broker.assisted.events.clock import LeaseLapsed as LeaseLapsed
from broker.assisted.events.clock import RedressEnded as RedressEnded
from broker.assisted.events.clock import ReviewLate as ReviewLate
from broker.assisted.events.staff import ByStaff as ByStaff
from broker.assisted.events.staff import ChecksRecorded as ChecksRecorded
from broker.assisted.events.staff import Claimed as Claimed
from broker.assisted.events.staff import Decided as Decided
from broker.assisted.events.staff import DetailsRecorded as DetailsRecorded
from broker.assisted.events.staff import EvidenceRecorded as EvidenceRecorded
from broker.assisted.events.staff import EvidenceRemoved as EvidenceRemoved
from broker.assisted.events.staff import Flagged as Flagged
from broker.assisted.events.staff import Held as Held
from broker.assisted.events.staff import HoldDeclined as HoldDeclined
from broker.assisted.events.staff import HoldEnded as HoldEnded
from broker.assisted.events.staff import IndependentReviewRecorded as IndependentReviewRecorded
from broker.assisted.events.staff import InterestDeclared as InterestDeclared
from broker.assisted.events.staff import Noted as Noted
from broker.assisted.events.staff import Opened as Opened
from broker.assisted.events.staff import Reassigned as Reassigned
from broker.assisted.events.staff import Renewed as Renewed
from broker.assisted.events.staff import Returned as Returned
from broker.assisted.events.staff import ReviewClaimed as ReviewClaimed
from broker.assisted.events.staff import Reviewed as Reviewed
from broker.assisted.events.staff import Revoked as Revoked
from broker.assisted.events.staff import SessionDropped as SessionDropped
from broker.assisted.events.staff import SessionEnded as SessionEnded
from broker.assisted.events.staff import SessionStarted as SessionStarted
from broker.assisted.events.staff import WordsExchanged as WordsExchanged

Event = ByCitizen | ByStaff | ByClock
