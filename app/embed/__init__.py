"""Text to unit vectors: strings come in, little-endian float32 bytes go out, one vector a text.

The model is a sentence-transformers one, opened once by `SentenceEmbedder.open`. A BERT with mean pooling, such as the
default, is computed by onnxruntime from the model's own weights, in int8 or float32; any other by sentence-transformers
on torch. Requests that wait at the same time share a batch, and bulk lets them go first. Long texts are cut to what the
model reads, head and tail kept. This room never writes a file, asks a model hub for what the configuration names and
nothing else, never blocks the event loop, keeps no text, and imports onnxruntime or torch only when a model is opened.
"""
