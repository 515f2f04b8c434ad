"""What is wrong with a request, or with who sent it."""

from app.errors.base import LeanServeError


class InvalidRequest(LeanServeError):
    """The client's request is wrong; `param` names the field."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class BodyTooLarge(InvalidRequest):
    """The body is over the configured limit; it was not parsed."""

    status = 413
    code = "body_too_large"


class ModelNotFound(InvalidRequest):
    """`model` is neither `auto`, nor a tier, nor a model of one."""

    status = 404
    code = "model_not_found"


class NoTier(InvalidRequest):
    """Every tier fails a constraint of the request, of its policy or of its client; the message names each."""

    code = "no_tier"


class NotFound(InvalidRequest):
    """What the request names does not exist, or is another tenant's."""

    status = 404
    code = "not_found"


class Conflict(InvalidRequest):
    """Somebody else changed the same thing at the same time, again and again: nothing was changed."""

    status = 409
    code = "conflict"


class SessionTaken(InvalidRequest):
    """The session was begun by another user, or for another team, of the same tenant."""

    status = 403
    code = "session_taken"


class Unauthorized(InvalidRequest):
    """No key, or a wrong one."""

    status = 401
    code = "invalid_api_key"


class Forbidden(InvalidRequest):
    """The key is right, and has no right to this."""

    status = 403
    code = "forbidden"
