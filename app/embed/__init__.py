"""Text to unit vectors: strings come in, little-endian float32 bytes go out, one vector a text.

The model is a sentence-transformers one, loaded once by `SentenceEmbedder.open`; requests that wait at the same time
share a batch. Long texts are cut to what the model reads, head and tail kept. This room never downloads a file by
itself, never blocks the event loop, keeps no text, and imports torch only when a model is opened.
"""
