"""The cache tried on pairs of prompts: what would it have answered, how often wrongly, and where should its point lie?

Lines of a user's file and a `PairJudge` come in; judgements, tables, curves and a fragment of policy go out. This room
changes no policy and no store by itself, contacts nobody, and imports matplotlib only when it draws a picture.
"""
