"""`/admin`: keys, limits and the kill switch, over HTTP.

In come JSON bodies of who shows an admin's key, out goes what the desks of `app/access` and `app/budget` say. A
tenant's admin acts within its tenant, the operator in all: every endpoint passes on whose key it is, and this room
never decides anything else.
"""
