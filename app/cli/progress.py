"""Progress bars of model pulls."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from app.models.progress import Progress as ReportProgress
from app.models.pull import Puller


def pull_all(ids: Sequence[str], home: Path, console: Console, puller: Puller | None = None) -> list[Path]:
    """Pull each model in turn under one bar each; the directories, in order."""
    puller = puller or Puller()
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.fields[model]}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bars:
        return [pull_one(model_id, home, puller, bars) for model_id in ids]


def pull_one(model_id: str, home: Path, puller: Puller, bars: Progress) -> Path:
    """Pull one model under a bar of its own."""
    task = bars.add_task("", model=model_id, total=None)
    directory = puller.pull(model_id, home, reporter(bars, task))
    bars.update(task, total=1, completed=1, description="ready")
    return directory


def reporter(bars: Progress, task: TaskID) -> ReportProgress:
    """Reports of a pull as movements of a bar; a step that nobody can measure makes it pulse."""

    def report(step: str, done: int = 0, total: int = 0) -> None:
        bars.update(task, description=step, completed=done, total=total or None)

    return report
