"""`leanserve route calibrate`: the router's calibration and thresholds, refitted on what became of requests."""

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import HOME, Home
from app.cli.reading import open_embedder
from app.errors import ConfigError

if TYPE_CHECKING:
    from app.config.policy import Policy
    from app.learn.calibration.lines import Judge

DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"
LINES = (
    'JSON lines {"tier", "p", "success"} (p: the head\'s own; "score" and "id" for thresholds) '
    'or {"prompt", "tier", "success"}.'
)


def calibrate(
    output: Annotated[Path, typer.Option(help="The policy goes here. Nothing reads it by itself.")],
    source: Annotated[Path | None, typer.Option("--input", help=LINES, exists=True, dir_okay=False)] = None,
    tenant: Annotated[str | None, typer.Option(help="Read what is known of this tenant's requests.")] = None,
    redis_url: Annotated[
        str | None,
        typer.Option(envvar="REDIS_URL", help="Where --tenant's records are; without, that of `leanserve up`."),
    ] = None,
    home: Home = HOME,
    prefix: Annotated[str, typer.Option(help="`store.prefix` of the configuration.")] = "leanserve",
    feature: Annotated[
        str | None, typer.Option(help="Of this feature's requests, and for its part of the policy.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="Outcomes of this type only; without, all must be a success.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="YAML of the policy in force: only read; --output is this one with the changes.")
    ] = None,
    tiers: Annotated[
        str, typer.Option(help="From the cheapest to the best; `name=0.4` gives a capability.")
    ] = "small,medium,large",
    target: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="Share of always-best quality that thresholds keep.")
    ] = 0.99,
    seed: Annotated[int, typer.Option(help="Of folds and resamples.")] = 0,
) -> None:
    """Refit P(good enough) and thresholds to your own outcomes; status 1 if they support no change."""
    from app.config.load import load_policy  # noqa: PLC0415
    from app.config.policy import Policy  # noqa: PLC0415
    from app.learn.calibration.evidence import Evidence  # noqa: PLC0415 - numpy
    from app.learn.calibration.fragment import policy_text, summary  # noqa: PLC0415
    from app.learn.calibration.refit import recalibrate  # noqa: PLC0415
    from app.learn.calibration.sources import of_file, of_tenant  # noqa: PLC0415
    from app.route.setting import named_tiers  # noqa: PLC0415
    from app.store.embedded import address_of  # noqa: PLC0415
    from app.trial.lines import written_whole  # noqa: PLC0415

    if source is None and tenant is None:
        raise ConfigError("name --input, --tenant or both: there is nothing to learn from")
    shown, order, evidence = load_policy(policy) if policy else Policy(), named_tiers(tiers), Evidence()
    own = shown if feature is None else shown.for_feature(feature)
    present = own.routing
    if source:
        evidence.add(of_file(source, order, partial(open_judge, own)))
    if tenant is not None:
        url = redis_url or address_of(home / "redis") or DEFAULT_REDIS_URL
        evidence.add(asyncio.run(of_tenant(url, prefix, tenant, feature, kind)))
    found = recalibrate(evidence, present, target, order=[tier.name for tier in order], seed=seed)
    typer.echo("\n".join(summary(found)))
    if not found.changes:
        typer.echo("nothing is written: the evidence supports no change")
        raise typer.Exit(1)
    with written_whole(output) as out:
        out.write(policy_text(found, present, policy, feature).encode())
    typer.echo(f"{output} holds the policy")


def open_judge(policy: "Policy") -> "Judge":
    """The packaged head behind the packaged embedder: some seconds. Raises ModelFilesError and ConfigError."""
    from app.learn.calibration.lines import judging  # noqa: PLC0415 - numpy
    from app.route.heads import load_head  # noqa: PLC0415

    return judging(load_head(), open_embedder(None), policy)
