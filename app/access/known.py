"""Names that a key's rights may hold, beside what is configured: a misspelt one opens nothing, and nobody sees why."""

from collections.abc import Callable
from dataclasses import dataclass

from app.access.key import Rights
from app.config.policy import Policy
from app.errors import InvalidRequest
from app.tiers.catalog import TierCatalog


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Tiers and models of a configuration, and the features of the policy in force."""

    models: frozenset[str]
    policy: Callable[[], Policy]

    def check(self, rights: Rights) -> list[str]:
        """What is odd in `rights`, in words. Raises `InvalidRequest` for models that nobody serves.

        A feature that the policy does not name is none the less one: any name is.
        """
        if unknown := sorted(set(rights.models or ()) - self.models):
            known = ", ".join(sorted(self.models))
            raise InvalidRequest(f"no tier or model is called {unknown[0]!r}; known are: {known}", "models")
        unheard = sorted(set(rights.features or ()) - features_of(self.policy()))
        return [f"the policy names no feature {name!r}: it is served as any other" for name in unheard]


def known_models(catalog: TierCatalog, embedder: str) -> frozenset[str]:
    """What may be asked for, but `auto`."""
    return frozenset({embedder, *(name for name, kind in catalog.ids() if kind != "auto")})


def features_of(policy: Policy) -> frozenset[str]:
    """Those with a part of their own, or a limit."""
    return frozenset({*policy.features, *(rule.feature for rule in policy.budgets if rule.feature)})
