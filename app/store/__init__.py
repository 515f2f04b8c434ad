"""The store: one real Redis, wherever it runs.

`open_store()` connects redis-py to `REDIS_URL`; `EmbeddedRedis` starts a real `redis-server` as a child process where
nobody offers one. In come an address or a directory, out goes a client that fails fast or a server that keeps what it
granted. This room never knows what the keys mean, never falls back to memory, and never reads the environment.
"""
