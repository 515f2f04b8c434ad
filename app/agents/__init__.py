"""Agents that stop: a session's steps come in, out goes leave to go on, on which limits, or why the session is over.

A session is a name (`x-leanserve-session`) within a tenant; it belongs to the user and the team that began it, and to
the session that began it, if any (`x-leanserve-parent-session`). What it spends counts on all above it. Steps, tokens
and money are limits in the ledger, total and per session, so that no interleaving exceeds them; this room only names
them. The rest is one record in Redis per session, seen by one script a step: depth, the time since the first step,
whether it was stopped, and a fingerprint of what is new in each of its last steps, in which loops are found.

What a loop is: an agent whose calls and outcomes repeat while it does not wait. The fingerprint (`fingerprint`) is not
of the request, whose conversation grows, but of its last turn: the calls of the last assistant message, names and
arguments, and apart from that what came back, without times and random ids; where no tool was called, what the
assistant said and what was said to it; where nobody spoke yet, the whole request's canonical key. The conversation's
first user message is part of it, so that workers who share a session are not taken for one. The rules (`loops`) are in
the policy. A step that begins 10 s or more after the last answer is no repetition (who waits is waiting for something;
only `polls` counts it), and after 5 minutes it is a new beginning. A request that failed unpaid is not counted: trying
again is no loop. What this cannot see: an agent that writes all it did into one growing user message. Its limits stop
it.

A loop stops the session, and the sessions below it, for good; limits and the clock stop it for as long as the policy
has them. `stops` says so in words for the agent's author. This room never keeps a word of a prompt but the names of
tools, never calls a model, and never stops who named no session.
"""
