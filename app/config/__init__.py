"""Configuration: one Serve file in, validated frozen models out.

`GatewayConfig` is identity (the `args` of the Serve application: a change restarts replicas), `Policy` is everything
that may change while requests run (the `user_config` of the ingress). `load()` validates a whole file at once.
This room reads files when asked; it never reads the environment and never connects to anything.
"""
