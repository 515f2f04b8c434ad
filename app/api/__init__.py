"""The HTTP edge: OpenAI's wire format in, OpenAI's wire format out.

A request comes in as bytes, is bounded, parsed, validated and given its caller; an answer goes out as a body or as
server-sent events with LeanServe's headers; every fault goes out in OpenAI's error format. This room decides nothing
about caches, tiers or money: that is the gateway's.
"""
