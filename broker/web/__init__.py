"""HTTP: routes, pages, cookies, forms and middleware. The only package that imports Starlette.

A request passes `middleware` (request id, limits, security headers), then `operations` (metrics, clock check), then the
router of `shared`. Its handler stands in `services` (OpenID Connect endpoints), `citizens` (pages of a transaction),
`public` (pages outside a transaction) or `staff` (the console, an application on a port of its own). The handler
parses the request, calls one action of `broker.actions`, and writes a page, a redirect or JSON. `inspector` records
exchanges with services, in development only.

`templates`, `languages`, `assets` and `static` hold page templates, translations, and the sources and builds of styles.
"""
