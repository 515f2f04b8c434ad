"""LeanServe: decide, cache, stop and account for requests to language models.

The product in plain asyncio Python. Rooms follow the request: `api` takes it in, `prompt` normalizes it, `cache` may
answer it, `route` chooses a tier, `budget` admits it, `tiers` attempts it, `cost` prices it, `observe` tells of it.
Nothing in here imports ray: `deployments` does.
"""

__version__ = "0.1.0"
