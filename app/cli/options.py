"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path, typer.Option(envvar="LEANSERVE_HOME", help="Where models, the embedded Redis's data and logs are kept.")
]
HOME = Path(".leanserve")
