"""One module a sin: a `Case` comes in, out goes whether it commits it and what it would have cost otherwise.

No sin knows another, keeps a case, or adds anything up: what they see is weighed by `app.audit.weighing`.
"""
