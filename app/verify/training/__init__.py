"""How the pair model is made: labelled pairs come in from files, weights, calibration and a model card go out.

`corpus` reads and splits by question; `mixture` makes epochs of them, with pairs that follow (`implied`) and edits of
prompts that change what is asked (`harmful`) or do not (`harmless`), from the closed lists of `phrases` and `families`;
`model` and `fit` train, `export` writes int8 ONNX, `scales` calibrates, `card` tells. It needs the extra `train`, keeps
no prompt in what it writes, and never runs while requests are served.
"""
