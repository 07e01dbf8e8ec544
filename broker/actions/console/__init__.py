"""What the console does beside one case: lists of cases, look-ups, and what leads see and do.

`ports` are what the stores must do. `lists` shows cases from columns in the clear, `rows` is what a lead does with
them, `board` what needs a lead now, with the sessions of staff. `find` looks up cases and failed sign-ins by what a
citizen says, and shows look-ups to leads and auditors.
"""
