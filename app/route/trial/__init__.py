"""The router tried on labelled prompts: what would it have cost, what would it have got right, and what would chance?

Lines of a user's file, the embedder, the head and a policy come in; a table, metrics.json and curves go out, beside the
baselines that a router has to beat. This room changes no policy and no weights by itself, calls no model, keeps no
prompt in what it writes, and imports matplotlib only when it draws a picture.
"""
