"""LeanServe on Ray Serve: a thin shell around `app`, and the only importer of ray.

`graph.build` binds; every other module is one deployment whose methods are one line that calls `app`.
No decision about a request is made here.
"""
