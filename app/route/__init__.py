"""Which tier is good enough: a normalized prompt and a policy come in, a `RouteDecision` goes out.

`features` reads the text, `head` turns embedding and features into a complexity score, `decide` turns the score into
a tier and says why, `complexity` is the three behind the port. `data`, `anchors`, `fit`, `train`, `metrics` and `card`
make the head's weights from measured scores of real models; they never run while requests are served. This room never
calls a model, never embeds on the request path, needs no scikit-learn to serve, and keeps no prompt.
"""
