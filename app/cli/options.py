"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path, typer.Option(envvar="LEANSERVE_HOME", help="Where models, the embedded Redis's data and logs are kept.")
]
HOME = Path(".leanserve")

PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="YAML of a policy, such as `calibrate` writes; the shipped one without.")
]
Threads = Annotated[
    int | None, typer.Option(min=1, max=256, help="Threads to compute on; half of the machine's without.")
]
