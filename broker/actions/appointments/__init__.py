"""Appointments: a citizen or a member of staff takes, moves or cancels a time at an office or in a channel.

`booking` finds free times and takes one, in the write that changes the case: of two who take the last room at once, one
succeeds and the other is asked to choose again. `citizen` and `staff` are its two sides, `notices` what the citizen is
sent. `ports` is what the stores must do.
"""
