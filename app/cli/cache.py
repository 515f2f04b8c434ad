"""`leanserve cache`: the commands of the semantic cache, by what they need."""

import typer

from app.cli import cache_admin, cache_pairs, cache_train

cache_app = typer.Typer(no_args_is_help=True, help="The semantic cache.")

# of a running server
cache_app.command()(cache_admin.invalidate)
cache_app.command()(cache_admin.stats)
cache_app.command()(cache_admin.feedback)

# of files of pairs, without a server
cache_app.command()(cache_pairs.pairs)
cache_app.command()(cache_pairs.evaluate)
cache_app.command()(cache_pairs.calibrate)
cache_app.command()(cache_train.train)
