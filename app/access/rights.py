"""What a key's rights make of what a request says. Pure."""

from app.access.key import ANY_TENANT, Key, Rights
from app.domain import AUTO_MODEL, DEFAULT_TENANT
from app.errors import Forbidden
from app.tiers.catalog import TierCatalog


def tenant_for(key: Key, named: str) -> str:
    """The tenant that is asked for. Raises `Forbidden` for another one than the key's."""
    if key.tenant == ANY_TENANT:
        return named or DEFAULT_TENANT
    if named not in {"", key.tenant}:
        raise Forbidden("the API key does not belong to the named tenant", "x-leanserve-tenant")
    return key.tenant


def feature_for(rights: Rights, named: str) -> str:
    """The feature that is asked for; of a key with a single one that one. Raises `Forbidden`."""
    if rights.features is None:
        return named
    if not named and len(rights.features) == 1:
        return rights.features[0]
    if named not in rights.features:
        known = ", ".join(rights.features) or "none"
        raise Forbidden(f"this API key may name these features only: {known}", "x-leanserve-feature")
    return named


def pinned(kind: str, own: str, named: str) -> str:
    """What the key is pinned to, else what the request says. Raises `Forbidden` where the two contradict."""
    if own and named not in {"", own}:
        raise Forbidden(f"this API key is of the {kind} {own}", f"x-leanserve-{kind}")
    return own or named


def tiers_for(rights: Rights, catalog: TierCatalog) -> tuple[str, ...] | None:
    """The tiers that may serve `auto` and stand in for others, the cheapest first; None for all."""
    if rights.models is None:
        return None
    return tuple(spec.name for spec in catalog.specs(catalog.names) if {spec.name, spec.model} & set(rights.models))


def may_ask(rights: Rights, model: str, catalog: TierCatalog) -> bool:
    """Whether `model` (auto, a tier, a model's id, the embedder) may be named."""
    tiers = tiers_for(rights, catalog)
    if rights.models is None or tiers is None or model in rights.models:
        return True
    return bool(tiers) if model == AUTO_MODEL else catalog.tier_of(model) in tiers


def tiers_of_request(rights: Rights, model: str, catalog: TierCatalog) -> tuple[str, ...] | None:
    """The tiers that may serve a request for `model`; None for all. Raises `ModelNotFound` and `Forbidden`."""
    catalog.decide(model)
    if not may_ask(rights, model, catalog):
        raise Forbidden(f"this API key may not use model {model[:200]!r}", "model")
    if rights.models is None or model == AUTO_MODEL or model in catalog.names:
        return tiers_for(rights, catalog)
    return (catalog.tier_of(model),)
