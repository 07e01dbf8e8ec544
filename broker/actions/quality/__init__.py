"""Quality of the work of staff: score sheets for decided cases that were drawn, and made-up cases with known answers.

`samples` is about decided cases: the draw is written with the decision, a second person without any part in the case
fills the sheet, leads read the results, and agents those of their own decisions. `exercises` gives members of staff
made-up cases. These are no cases: they have no citizen, no audit row of a case and no measure. `disagreement` counts
by agent what both found. `ports` are what the stores must do.
"""
