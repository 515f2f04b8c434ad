"""`/admin`: keys, limits, the kill switch and reports, over HTTP.

In come requests of who shows an admin's key, out goes what `app/access`, `app/budget` and `app/report` say. A
tenant's admin acts within its tenant, the operator in all: every endpoint passes on whose key it is, and this room
never decides anything else.
"""
