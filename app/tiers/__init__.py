"""Tiers: where models answer, and how a request gets an answer out of one of them.

In comes a journey whose tier was decided; out go batches of chunks in OpenAI's wire format, from the first backend that
answers, and one `AttemptRecord` for each that was called. This room knows breakers, time-outs and fail-over before the
first chunk, and keeps the fuse in an engine's replica that ends a stream where nobody granted more. It never prices,
reserves, routes or caches, never retries what the client got wrong, and never goes on to another backend once a chunk
was handed out.
"""
