"""Which part of a long text the embedder reads.

MiniLM was trained on 128 tokens and reads 256, two of them its own marks; sentence-transformers drops what follows.
What a prompt asks stands as often at its end as at its beginning, so a long text keeps both: `HEAD` and `TAIL` tokens,
the middle dropped. Tokenizing everything to find them would cost 1.5 s for 1 MB, so a text is first cut to
`ENDS` characters at either end: bounded work, whatever the client sends.

Two long texts that differ only in the dropped middle get one and the same vector. Whoever takes a vector for the text
must know: a text of at most `WHOLE` characters is never cut, since no token is shorter than a character.
"""

from collections.abc import Callable, Sequence

HEAD = 127
TAIL = 126
WHOLE = HEAD + TAIL + 1
ENDS = 2048

Offsets = Sequence[tuple[int, int]]
Tokenize = Callable[[str], Offsets]
"""The (start, end) characters of every token of a text, without special tokens."""


def cut_characters(text: str) -> str:
    """`text`, or its first and last `ENDS` characters on two lines. Length ≤ 2 · ENDS + 1; free for any input."""
    return text if len(text) <= 2 * ENDS else f"{text[:ENDS]}\n{text[-ENDS:]}"


def encodable(text: str) -> str:
    """`text` with "?" for lone surrogates: JSON can carry them (`"\\ud800"`), UTF-8 and so the tokenizer cannot."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def cut_tokens(text: str, tokenize: Tokenize) -> str:
    """`text`, or its first `HEAD` and last `TAIL` tokens on two lines when it has more than both together."""
    text = encodable(cut_characters(text))
    if len(text) <= WHOLE:
        return text
    offsets = tokenize(text)
    if len(offsets) <= HEAD + TAIL:
        return text
    return f"{text[: offsets[HEAD - 1][1]]}\n{text[offsets[-TAIL][0] :]}"
