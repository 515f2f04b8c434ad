"""A scope as people write it, and what may be done with one."""

from typing import get_args
from urllib.parse import unquote

from app.domain import Caller, Scope, ScopeKind
from app.errors import InvalidRequest

KINDS: tuple[ScopeKind, ...] = get_args(ScopeKind)
MAX_NAME = 128
FORM = "a scope is tenant=<name>, then any of team=, feature=, user=, session=, key= with commas between; names in %XX"


def scope_named(text: str) -> Scope:
    """The scope of a text like `str(scope)`, parts in any order. Raises `InvalidRequest`."""
    pairs = [part.partition("=") for part in text.split(",")]
    names = {kind: unquote(name) for kind, _, name in pairs}
    kinds = [kind for kind in KINDS if kind in names]
    if len(names) < len(pairs) or len(names) != len(kinds) + 1 or not names.get("tenant"):
        raise InvalidRequest(FORM, "scope")
    if any(len(name) > MAX_NAME or not name.isprintable() for name in names.values()):
        raise InvalidRequest(f"a scope's names are printable and have at most {MAX_NAME} characters", "scope")
    return Scope(names["tenant"], tuple((kind, names[kind]) for kind in kinds))


def caller_in(scope: Scope) -> Caller:
    """A caller who names just what the scope does."""
    return Caller(scope.tenant, **dict(scope.parts))  # type: ignore[arg-type]  # kinds are fields of their own


def check_stoppable(scope: Scope) -> None:
    """Raise `InvalidRequest` for a scope that no request looks at: `limits.scopes_of` says which ones do."""
    kinds = [kind for kind, _ in scope.parts]
    if any("*" in name for name in (scope.tenant, *(name for _, name in scope.parts))):
        raise InvalidRequest("a stop is of one tenant, feature, user, … by its name: `*` stands for none here", "scope")
    if len(kinds) > 1 and kinds != ["feature", "user"]:
        raise InvalidRequest("what can be stopped is a tenant, one part of it, or a user of a feature", "scope")
    if len(kinds) == 1 and not scope.parts[0][1]:
        raise InvalidRequest("a name is missing: only a user of a feature may have an empty one", "scope")
