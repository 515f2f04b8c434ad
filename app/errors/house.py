"""What fails inside the house."""

from app.errors.base import LeanServeError


class NotCached(LeanServeError):
    """The client asked for a cached answer only, and there is none: nothing was called, nothing was spent."""

    status = 504
    code = "cache_miss"


class StoreUnavailable(LeanServeError):
    """Redis is slow, frozen or gone, and the stage that asked may not go on without it."""

    status = 503
    code = "store_unavailable"

    @property
    def retry_after_s(self) -> int | None:
        """The store's breaker probes again within seconds."""
        return 2


class ConfigError(LeanServeError):
    """A configuration cannot be served; the message says where and why."""

    code = "config_error"


class ModelFilesError(LeanServeError):
    """A model's files cannot be fetched, or their hash is not the catalog's."""

    code = "model_files_error"
