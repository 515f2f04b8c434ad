"""Whether the answer to one prompt serves another: two canonical texts come in, P(same answer) and a reason go out.

Words decide where words can: what is only spelt otherwise passes, another number, name, unit, negation or role never
does (`rules`). A small model that reads both prompts at once judges the rest, each kind of difference calibrated by
itself, so that a rate of false hits names a point on it. What is not English must agree to the letter. This room knows
no cache and no store, keeps no text, and loads the model only when a verifier is opened; `training` makes the model.
"""
