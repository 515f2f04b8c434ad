"""Gates: what one process says of them another one reads."""

import subprocess
import sys

from app.tiers.gates import GATES, Gates

READER = "import sys; from pathlib import Path; from app.tiers.gates import Gates; g = Gates(Path(sys.argv[1])); "


def test_another_process_reads_what_was_said() -> None:
    """And its own word, that it does, comes back."""
    gates, path = Gates.create()
    with gates.opened() as gate:
        assert not gates.heeded
        gates.move(gate, 77)
        program = READER + "g.heed(); print(g.allowed(int(sys.argv[2])))"
        found = subprocess.run([sys.executable, "-c", program, path, str(gate)], capture_output=True, check=True)
        assert found.stdout.strip() == b"77"
        assert gates.heeded
    path.unlink()


def test_a_gate_is_closed_behind_its_stream_and_used_again_last() -> None:
    """An engine may still know a stream that was ended: its gate lets nothing through, and is not soon another's."""
    gates, path = Gates.create()
    path.unlink()
    with gates.opened() as first:
        gates.move(first, 5)
    assert gates.allowed(first) == 0
    others = []
    for _ in range(GATES - 1):
        with gates.opened() as gate:
            others.append(gate)
    assert first not in others
