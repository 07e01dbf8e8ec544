"""Assisted verification: what citizens and staff do with a verification case.

A citizen asks for help (`citizen`), which creates a case and lets the transaction wait for it; comes back with a
continuation code (`resume`), proves with the confirmation code and the phrase to be the one who asked, and binds the
identity. Staff sign in through the operator's own provider (`staff_login`) and work on cases (`staff`): take the next
one, record evidence (`evidence_input`), ask the citizen to confirm on their own device (`device_prompt`), decide,
review. A page shows a case as its reader may see it (`case_view`).

Each change by staff goes through `edit_case` (`editing`): it reads the case once, asks the table PERMISSIONS
(`permissions`) about that reading, applies the event by the rules of `broker.assisted`, and saves the case with its
audit row in one transaction (`context`). The pages offer an action by the same table. `ports` are
the stores that this needs.
"""
