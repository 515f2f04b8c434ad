"""The root of the tree."""

from typing import Any, ClassVar


class LeanServeError(Exception):
    """The root: an unexpected fault of our own."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str = "internal error", param: str | None = None) -> None:
        super().__init__(message, param)
        self.message = message
        self.param = param

    @property
    def http_status(self) -> int:
        """The status of the HTTP response."""
        return self.status

    @property
    def retry_after_s(self) -> int | None:
        """Seconds for `Retry-After`, or None where a retry cannot help."""
        return None

    def body(self) -> dict[str, Any]:
        """OpenAI's error JSON."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def __str__(self) -> str:
        return self.message
