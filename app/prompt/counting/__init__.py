"""Exact input tokens, where a tier's tokenizer is known.

The tiers of the configuration and a client's body come in; out go input tokens by tier name, each equal to what the
tier's engine will tell as `usage.prompt_tokens`. A vLLM tier is known by its `tokenizer.json` and chat template, from a
directory or the model hub's cache, as vLLM 0.29 and transformers 5 read them; the echo by its words. Whatever is not
certain (another provider's model, images, a class of tokenizer that the engine would rebuild, a template that raises)
is unknown and absent: then `app.prompt.bound` holds. This room never runs a model, never answers a guess, keeps no
text, and fetches nothing while a request waits.
"""
