"""From what became of routed requests to the router's calibration for one user.

Evidence comes in, from files (`lines`) or from a tenant's records (`evidence`); `platt` refits P(good enough) of each
tier, held towards the head's own, and says how sure it is; `thresholds` finds those that keep a share of always-best
quality; `fragment` writes both as a policy that a person may take or leave. Nothing here changes a running server, and
where the evidence is too thin it leaves things as they are and says so.
"""
