"""Which names a client may ask for, and what each means."""

from collections.abc import Sequence

from app.config.gateway import TierSpec
from app.domain import AUTO_MODEL, RouteDecision
from app.errors import ModelNotFound


class TierCatalog:
    """The tiers of a configuration by every name that they answer to."""

    def __init__(self, specs: Sequence[TierSpec]) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._tier_of_model = {model: spec.name for spec in specs for model in (spec.model, *spec.adapters)}

    @property
    def names(self) -> tuple[str, ...]:
        """Tier names from the cheapest to the best."""
        return tuple(self._specs)

    def specs(self, names: Sequence[str]) -> list[TierSpec]:
        """The tiers of these names, in that order."""
        return [self._specs[name] for name in names]

    def decide(self, model: str) -> RouteDecision | None:
        """What `model` alone decides: None for `auto`. Raises `ModelNotFound`.

        A tier's name is a request for a level, so that better tiers may stand in; a model's id is a request for that
        model, so that nothing else answers.
        """
        if model == AUTO_MODEL:
            return None
        if model in self._specs:
            return RouteDecision(model, None, "requested tier", self.better_than(model))
        if model in self._tier_of_model:
            return RouteDecision(self._tier_of_model[model], None, "requested model")
        known = ", ".join([AUTO_MODEL, *self._specs, *self._tier_of_model])
        raise ModelNotFound(f"model {model[:200]!r} does not exist; known are: {known}", "model")

    def tier_of(self, name: str) -> str:
        """The tier that a tier's name or a model's id means; empty for every other name."""
        return name if name in self._specs else self._tier_of_model.get(name, "")

    def adapters_of(self, name: str) -> tuple[str, ...]:
        """The ids of what is served on top of a tier's model."""
        return self._specs[name].adapters

    def better_than(self, name: str) -> tuple[str, ...]:
        """The tiers above `name`, the next better first."""
        return self.names[self.names.index(name) + 1 :]

    def served_model(self, spec: TierSpec, requested: str) -> str:
        """The model id that the backend is asked for: an adapter where one was requested, else the tier's own."""
        return requested if requested in spec.adapters else spec.model

    def ids(self) -> list[tuple[str, str]]:
        """Every id with its kind: `auto`, tiers, models."""
        tiers = [(name, "tier") for name in self._specs]
        return [(AUTO_MODEL, "auto"), *tiers, *((model, "model") for model in self._tier_of_model)]
