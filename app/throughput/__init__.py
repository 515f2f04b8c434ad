"""How many tokens a second a tier does, and so what a token costs on GPUs of one's own.

An HTTP client for an OpenAI-compatible server and a plan come in: how long, how many at once, how long prompts and
answers are. Out go the rates of input, cached input and output, and a policy with the price that follows from them.
This room changes no server and no policy that is in force; it never asks for longer than the plan says, but for the
answers that are under way then.
"""
