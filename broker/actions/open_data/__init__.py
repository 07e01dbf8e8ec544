"""Open data about sign-ins: started ones are counted in the process, everything else is counted from the audit record.

Each process writes how many sign-ins it started as an audit row (`starts`). One process at a time adds up what was
sealed, and publishes a day once its sign-ins have ended (`publishing`): its figures never change again, unless they are
corrected in public. `verifying` counts a day again from the audit record alone.
"""
