"""The pair model in torch: MiniLM over both prompts at once, told where their tokens match."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel

from app.verify.pairing import ALIGNED, SPECIAL

MATCH_KINDS = 4
"""What `app.verify.pairing` says of a token."""


class PairModel(nn.Module):  # type: ignore[misc]
    """Token ids, segments and matches, each (pairs, tokens), to logits (pairs,); padding has id 0.

    The head reads the first mark, the mean of all tokens, and the mean of those that differ.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        size = encoder.config.hidden_size
        self.encoder = encoder
        self.match = nn.Embedding(MATCH_KINDS, size)
        nn.init.normal_(self.match.weight, std=0.02)
        self.head = nn.Linear(3 * size, 1)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    @classmethod
    def open(cls, source: str | Path) -> "PairModel":
        """From a BERT encoder at `source`. Its word embeddings stay as they are."""
        encoder = AutoModel.from_pretrained(source, add_pooling_layer=False, attn_implementation="sdpa")
        encoder.embeddings.word_embeddings.weight.requires_grad_(False)
        return cls(encoder)

    def forward(self, ids: Tensor, segments: Tensor, matches: Tensor) -> Tensor:
        """The logits; torch calls it."""
        mask = (ids != 0).to(torch.float32)
        embedded = self.encoder.embeddings.word_embeddings(ids) + self.match(matches)
        states = self.encoder(inputs_embeds=embedded, token_type_ids=segments, attention_mask=mask).last_hidden_state
        differs = mask * ((matches != SPECIAL) & (matches != ALIGNED)).to(torch.float32)
        pooled = torch.cat([states[:, 0], _mean(states, mask), _mean(states, differs)], dim=-1)
        logits: Tensor = self.head(pooled)[:, 0]
        return logits


def _mean(states: Tensor, weights: Tensor) -> Tensor:
    weights = weights.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1.0)
