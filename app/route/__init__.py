"""Which tier is good enough: a normalized prompt, its terms and a policy come in, a `RouteDecision` goes out.

`needs`, `bounds`, `constraints` and `terms` say which tiers may serve at all and what each would cost. `heads` is what
judges a prompt and `head` the trained one: `weights_file` its arrays, `features` what it reads off the text,
`complexity_scale` what its score means, `doubt` when it does not know. `chances` turns that into P(good enough) by
tier, `decide` (with `flat` and `multiplier`) into a tier and a reason, `complexity` is those behind the port,
`sessions` keeps a conversation on its tier. `setting` and `prompts` are the same without a server. `data`, `anchors`,
`fit`, `train`, `report` and `card` make the head's weights from measured scores of real models; `metrics`, `frontier`,
`resampling` and the room `trial` say how good decisions are; none of them runs while requests are served. This room
never calls a model, never embeds on the request path, needs no scikit-learn to serve, and keeps no prompt.
"""
