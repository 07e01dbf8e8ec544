"""What the console does beside one case: lists of cases, and what leads see and do.

`ports` are what the stores must do, `lists` finds work, shows the lists and lets leads act on a row.
"""
