"""What a prompt is, apart from how it was typed.

A `GatewayRequest` and the `Policy` of its feature come in; out go the two keys of the prompt (`KeyMaker`), its
canonical text, what it asks about (`read_asks`: the moment, the asker), an estimate of its input tokens, a bound that
no text breaks, the exact count where `app.prompt.counting` knows it, the parts of the prompt by where they come from
(`parts_of`) with its retrieved documents, and, where an embedder is at hand, the `NormalizedPrompt` of
`PromptNormalizer`.
Two prompts share a canonical key only when they differ in nothing that could change the answer; where that is not
certain they do not share it. This room never changes what is sent to an engine, never logs or stores text, never
connects to anything while a request waits and never runs a model.
"""
