"""Assisted verification: the rules of a verification case, from the citizen's request for help to the bound identity.

Pure functions over frozen records, without network, clock or store. In the order in which a case passes through them:

- `case`: the record of a case and the closed sets of its states, roles and decisions
- `events`: what can happen to a case, by citizen, staff or clock
- `transitions`: the state table; `refusal` says why an event cannot happen, `advance` applies it
- `updates`: the fields that each event changes, and erasure of personal data
- `deadlines`: the policy (durations, limits, business hours) and which deadline has passed
- `separation_of_duties`: who may be agent, reviewer or lead, and which approvals need a second review
- `queue`: which case a member of staff gets next
- `case_row`: what lists show of a case, without its record, and their filters
- `oversight`: flags to acknowledge, and questions to leads with their answers
- `reasons`: the closed set of reasons that staff give
- `profiles`, `levels`: the scoring file (GPG 45) and the level of assurance that the evidence supports
- `codes`: mutual phrase, confirmation and continuation codes, and the check of notes for secrets
- `device_evidence`: evidence from a sign-in that the citizen confirmed on their own device
- `case_status`: what the citizen may see of their case
- `verified_identity`: the identity and the verification record that a service receives
"""
