"""Shared records: frozen dataclasses and closed sets that rules, actions, stores and web exchange.

No behaviour that needs a clock, a network or a store.

- people and assurance: `identity`, `assurance`, `claims`, `session`, `staff`
- services and providers: `service`, `provider_policy`, `kill_switches`
- requests and grants: `request`, `backchannel_request`, `grant`, `handle`
- failures: `failures`, the table of everything that can go wrong in a journey
- outgoing messages: `notification` to citizens, `outbound_delivery` to services
- stores: `store_results`, `audit`, `rate_limit`
- texts: `languages` (lookup of tags), `durations` (in words of people)
- values on the wire: `json_types`, `address` (rate limit keys), `media` (content types and weights)
"""
