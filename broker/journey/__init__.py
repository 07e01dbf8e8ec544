"""One authentication transaction: which steps are possible, what may be offered, what may be believed."""
