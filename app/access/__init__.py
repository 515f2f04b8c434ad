"""Who may enter, and with what rights.

In comes the text of an API key, out goes the `Key` that it is, or `Unauthorized`. Keys are of the configuration, of the
environment, or issued: those are in Redis, hashed, and cached in each replica. This room never keeps a key's text,
never compares digests but in constant time, and never decides what a request may spend: that is the budget's.
"""
