"""Who the citizen is to us and to each service: what may be released, and whether they must be asked first."""
