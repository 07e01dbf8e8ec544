"""HTTP and page building blocks shared by the citizens' and the staff application. Nothing here calls an action.

At start: `static_files` reads the assets, `i18n` the catalogues, `site_info` holds what the operator configured, and
`pages` compiles every template in every language.

For a request: `fast_router` finds the endpoint (`not_found` answers a path with redundant slashes), `request_parsing`
reads headers, queries and forms, `cookies` reads the Cookie header, and `csrf` checks that a form was sent from the
broker's own page. `responses` then writes the answer: a page, a redirect, and the Set-Cookie headers.
"""
