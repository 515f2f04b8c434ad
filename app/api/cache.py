"""`/v1/cache/*`: invalidation, feedback and statistics, each within the caller's own tenant."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from app.api.body import parse, read_body
from app.api.guard import tenant_of, whole_tenant
from app.api.schema import FeedbackRequest, InvalidateRequest
from app.cache.desk import CacheDesk
from app.cache.feedback import Report
from app.cache.invalidate import Selection
from app.errors import InvalidRequest

MOST_DAYS = 40
MOST_PAIRS = 1_000


class CacheRoutes:
    """What may be done with the entries of the tenant whose key is shown."""

    def __init__(self, desk: CacheDesk, max_body_bytes: int) -> None:
        self._desk = desk
        self._limit = max_body_bytes
        self.router = APIRouter()
        self.router.add_api_route("/v1/cache/invalidate", self.invalidate, methods=["POST"])
        self.router.add_api_route("/v1/cache/feedback", self.report, methods=["POST"])
        self.router.add_api_route("/v1/cache/feedback", self.pairs, methods=["GET"])
        self.router.add_api_route("/v1/cache/stats", self.stats, methods=["GET"])

    async def invalidate(self, request: Request) -> dict[str, Any]:
        """Take away the entries that fit all that the body names; with `dry_run`, only count them."""
        tenant = _tenant(request)
        body = InvalidateRequest.model_validate(parse(await read_body(request, self._limit), InvalidateRequest))
        selection = Selection(body.entry_id, body.feature, body.tag, body.older_than_s)
        if selection.everything() and not body.all:
            raise InvalidRequest("name entry_id, feature, tag or older_than_s; `all: true` takes every entry")
        done = await self._desk.invalidator.invalidate(tenant, selection, dry_run=body.dry_run)
        return {
            "object": "cache.invalidation",
            "dry_run": body.dry_run,
            "count": done.count,
            "entry_ids": list(done.examples),
        }

    async def report(self, request: Request) -> dict[str, Any]:
        """Take a report of a right or wrong hit. `recorded` is false for one that was made before."""
        tenant = tenant_of(request)
        body = FeedbackRequest.model_validate(parse(await read_body(request, self._limit), FeedbackRequest))
        if bool(body.request_id) == bool(body.entry_id):
            raise InvalidRequest("name either request_id or entry_id")
        report = Report(body.correct, body.request_id or "", body.entry_id or "", body.comment or "")
        done = await self._desk.feedback.report(tenant, report)
        return {
            "object": "cache.feedback",
            "entry_id": done.entry_id,
            "correct": report.correct,
            "recorded": done.news,
        }

    async def pairs(self, request: Request) -> dict[str, Any]:
        """The reported pairs, oldest first; the next part begins `after` the last id of this one."""
        tenant = _tenant(request)
        limit = _number(request, "limit", 100, MOST_PAIRS)
        found = await self._desk.feedback.pairs(tenant, _stream_id(request), limit + 1)
        data = [asdict(pair) for pair in found[:limit]]
        return {"object": "list", "data": data, "has_more": len(found) > limit}

    async def stats(self, request: Request) -> dict[str, Any]:
        """What is on the shelf, and what the caches did in the last `days` days."""
        tenant = _tenant(request)
        found = await self._desk.stats.read(tenant, _number(request, "days", 7, MOST_DAYS))
        features = [{"feature": feature, "entries": entries} for feature, entries in found.features.items()]
        return {
            "object": "cache.stats",
            "tenant": tenant,
            "entries": found.entries,
            "bytes": found.bytes,
            "features": features,
            "hit_rate": found.hit_rate(),
            "totals": found.totals(),
            "days": found.days,
        }


def _tenant(request: Request) -> str:
    """The tenant of a key that may see all of it: entries and reports are of every feature and user."""
    whole_tenant(request)
    return tenant_of(request)


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= most):
        raise InvalidRequest(f"{name} must be a whole number from 1 to {most}", name)
    return int(text)


def _stream_id(request: Request) -> str:
    """`<milliseconds>-<number>`, as the pairs' ids are; empty for the beginning."""
    after = request.query_params.get("after", "")
    parts = after.split("-")
    if after and not (len(parts) == 2 and all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts)):
        raise InvalidRequest("after must be the id of a pair", "after")
    return after
