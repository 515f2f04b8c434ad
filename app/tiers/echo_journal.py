"""What echo backends produced, request by request, in files that outlive them: for tests that kill replicas."""

import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class Produced:
    """Tokens of one request: `output_tokens` of all its choices."""

    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Both."""
        return self.input_tokens + self.output_tokens


class EchoJournal:
    """One backend's file in `folder`. A line is one write, and what was written survives SIGKILL of the writer."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / f"{os.getpid()}-{uuid4().hex}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, request_id: str, input_tokens: int, output_tokens: int) -> None:
        """So much more. A microsecond or two."""
        os.write(self._file, f"{request_id} {input_tokens} {output_tokens}\n".encode())


def read(folder: Path) -> dict[str, Produced]:
    """By request id, of all backends that write or wrote in `folder`."""
    found: dict[str, Produced] = {}
    for line in (line for file in sorted(folder.glob("*")) for line in file.read_text().splitlines()):
        request_id, input_tokens, output_tokens = line.rsplit(" ", 2)
        before = found.get(request_id, Produced())
        found[request_id] = Produced(before.input_tokens + int(input_tokens), before.output_tokens + int(output_tokens))
    return found
