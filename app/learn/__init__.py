"""Learning from use: what became of routed requests comes in, evidence for the router's calibration goes out.

`journal` leaves a bounded record of each routed request in Redis, `outcomes` adds what the app reports of it,
`shadow` asks the best tier too for a share of what a cheaper one answered, `agreement` says whether two answers agree,
`reading` gives all of it back, and `calibration` turns it into a policy file that a person may take or leave. Nothing
here routes, answers or delays a request, changes a policy that is in force, or keeps a word of a prompt or an answer.
"""
