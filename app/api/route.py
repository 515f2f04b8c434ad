"""`POST /v1/route`: where a request would go, and why. It calls no model, spends nothing and changes nothing."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from app.api.reading import Reader
from app.api.schema import ChatCompletionRequest
from app.domain import TierTerms
from app.dry_run import DryRun, Explanation
from app.observe.logline import dollars
from app.tiers.catalog import TierCatalog


class RouteRoutes:
    """The dry run of a chat completion."""

    def __init__(self, dry_run: DryRun, catalog: TierCatalog, max_body_bytes: int) -> None:
        self._dry_run = dry_run
        self._reader = Reader(catalog, max_body_bytes)
        self.router = APIRouter()
        self.router.add_api_route("/v1/route", self.explain, methods=["POST"])

    async def explain(self, request: Request) -> dict[str, Any]:
        """The body and the headers are those of `/v1/chat/completions`, and so are the errors."""
        found = await self._dry_run.explain(await self._reader.read(request, "chat", ChatCompletionRequest))
        decision = found.decision
        return {
            "object": "route",
            "tier": decision.tier,
            "fallbacks": list(decision.fallbacks),
            "score": decision.score,
            "p": dict(decision.p),
            "uncertain": decision.uncertain,
            "reason": decision.reason,
            "tiers": [told(tier, found) for tier in found.terms.everything],
            "session_tier": found.terms.session_tier or None,
            "evidence": [asdict(each) for each in decision.evidence],
            "input_tokens": found.input_tokens,
            "policy": {
                "version": found.policy.version,
                "feature": found.feature,
                "routing": found.policy.routing.model_dump(mode="json"),
            },
        }


def told(tier: TierTerms, found: Explanation) -> dict[str, Any]:
    """One tier; `excluded` is the constraint that it fails, or null."""
    return {
        "name": tier.name,
        "capability": tier.capability,
        "p": found.decision.p.get(tier.name),
        "allowed": tier.name not in found.terms.excluded,
        "excluded": found.terms.excluded.get(tier.name),
        "expected_cost_usd": dollars(tier.cost),
        "usd_per_million_tokens": str(tier.price),
    }
