"""The commands and their options. Each hands over to its own module, imported when the command runs."""

from enum import StrEnum
from typing import Annotated

import typer

from yinguo.cli.language_commands import explain_attention
from yinguo.cli.tailor_options import tailor

__all__ = ["app"]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Form(StrEnum):
    """Forms of an answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Answer(StrEnum):
    """Forms of an answer that is no single table."""

    TABLE = "table"
    JSON = "json"


class ListForm(StrEnum):
    """Forms of a list of methods."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


class Missing(StrEnum):
    """What to do with missing values."""

    ERROR = "error"
    DROP = "drop"
    INDICATOR = "indicator"


Debug = Annotated[bool, typer.Option("--debug", help="Show the library's log, and the trace if something breaks.")]
Progress = Annotated[
    bool | None, typer.Option("--progress/--no-progress", help="Progress on stderr. Default: on a terminal only.")
]

File = Annotated[str, typer.Argument(metavar="FILE", help="CSV, TSV or Parquet file.")]
Outcome = Annotated[str, typer.Option(metavar="COLUMN", help="What came of it.")]
Covariates = Annotated[
    list[str] | None,
    typer.Option(metavar="A,B,C", help="Columns measured before the treatment; may be repeated. Default: all others."),
]
Groups = Annotated[str | None, typer.Option(metavar="COLUMN", help="Clusters of rows that are not independent.")]
SampleWeight = Annotated[str | None, typer.Option(metavar="COLUMN", help="Sampling weights.")]
WithMissing = Annotated[
    Missing, typer.Option(help="Missing values: refuse, leave those rows out, or fill covariates and mark them.")
]
Treated = Annotated[
    str | None, typer.Option(metavar="VALUE", help="The value of the treatment that counts as treated.")
]
Level = Annotated[float, typer.Option(metavar="LEVEL", help="Level of the intervals.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="METHOD.OPTION=VALUE", help="An option of a method; may be repeated."),
]
Jobs = Annotated[int, typer.Option(metavar="N", help="Processes; -1 is one per core.")]
RandomState = Annotated[int | None, typer.Option(metavar="N", help="Seed of everything random.")]
Out = Annotated[str | None, typer.Option(metavar="FILE", help="Write the answer there, not to stdout.")]
Report = Annotated[str | None, typer.Option(metavar="FILE.html", help="Also write a self-contained report.")]


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Debug = False,
) -> int:
    """yinguo (因果): which associations are causal, how large the effect is, and whether you can act on it.

    Exit codes: 0 fine, 1 a fault of ours, 2 the data, a file or an option, 3 no convergence.
    """
    if context.invoked_subcommand is not None:
        return 0
    from yinguo import __version__
    from yinguo.cli.output import emit

    if version:
        emit(f"yinguo {__version__}")
    else:
        emit(context.get_help())
    return 0


@app.command(short_help="An effect with intervals, checks and a report.")
def estimate(
    file: File,
    treatment: Annotated[
        str, typer.Option(metavar="COLUMN", help="What was done: two values; with instruments, any numbers.")
    ],
    outcome: Outcome,
    covariates: Covariates = None,
    instruments: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B",
            help="Columns that move the treatment and reach the outcome through it alone; may be repeated.",
        ),
    ] = None,
    selection: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="1 where the outcome was seen, 0 where it is missing because of selection."
        ),
    ] = None,
    shadow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B",
            help="Columns that move the outcome but not, given it and the rest, who is seen; may be repeated.",
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The step of each row; covariates are then the other variables of the step, --groups the series.",
        ),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(metavar="M1,M2", help="Methods (see `yinguo methods`). Default: all that the columns license."),
    ] = None,
    estimand: Annotated[
        str | None,
        typer.Option(
            metavar="ATE|ATT|ATC|LATE",
            help="Effect on everybody (default), the treated, the controls, those whom the instrument moves.",
        ),
    ] = None,
    groups: Groups = None,
    sample_weight: SampleWeight = None,
    missing: WithMissing = Missing.ERROR,
    treated: Treated = None,
    level: Level = 0.95,
    settings: Settings = None,
    benchmark: Annotated[
        str | None, typer.Option(metavar="LABEL=NUMBER", help="A number from elsewhere to show beside the estimates.")
    ] = None,
    jobs: Jobs = 1,
    random_state: RandomState = None,
    form: Annotated[Form, typer.Option("--format", help="How to answer.")] = Form.TABLE,
    out: Out = None,
    report: Report = None,
    progress: Progress = None,
    debug: Debug = False,
) -> int:
    """Estimate the effect of a treatment on an outcome, by several methods, with checks."""
    from yinguo.cli.estimate import estimate
    from yinguo.cli.request import Request

    return estimate(
        Request(
            file=file, treatment=treatment, outcome=outcome, covariates=covariates or (),
            instruments=instruments or (), selection=selection, shadow=shadow or (), time=time, methods=methods or (),
            settings=settings or (), benchmark=benchmark, estimand=estimand, groups=groups,
            sample_weight=sample_weight, missing=missing.value, treated=treated, level=level, jobs=jobs,
            random_state=random_state, form=form.value, out=out, report=report, progress=progress, debug=debug,
        )
    )  # fmt: skip


@app.command(short_help="An effect for every row, and whom to treat.")
def effects(
    file: File,
    treatment: Annotated[str, typer.Option(metavar="COLUMN", help="What was done: two values.")],
    outcome: Outcome,
    covariates: Covariates = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(metavar="M1,M2", help="Methods with an effect for every row. Default: dr-learner."),
    ] = None,
    rows: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the effect of every row there, as .csv or .parquet.")
    ] = None,
    cost: Annotated[
        float, typer.Option(metavar="NUMBER", help="What treating one unit costs, in the unit of the outcome.")
    ] = 0.0,
    share: Annotated[
        float, typer.Option(metavar="SHARE", help="Tell the value of treating this best share of all.")
    ] = 0.2,
    groups: Groups = None,
    sample_weight: SampleWeight = None,
    missing: WithMissing = Missing.ERROR,
    treated: Treated = None,
    level: Level = 0.95,
    settings: Settings = None,
    jobs: Jobs = 1,
    random_state: RandomState = None,
    form: Annotated[Answer, typer.Option("--format", help="How to answer.")] = Answer.TABLE,
    out: Out = None,
    report: Report = None,
    progress: Progress = None,
    debug: Debug = False,
) -> int:
    """Effects that differ between rows: are the differences real, who gains most, what is treating the best worth."""
    from yinguo.cli.effects import EffectsRequest, effects

    return effects(
        EffectsRequest(
            file=file, treatment=treatment, outcome=outcome, covariates=covariates or (), methods=methods or (),
            rows=rows, cost=cost, share=share, groups=groups, sample_weight=sample_weight, missing=missing.value,
            treated=treated, level=level, settings=settings or (), jobs=jobs, random_state=random_state,
            form=form.value, out=out, report=report, progress=progress, debug=debug,
        )
    )  # fmt: skip


@app.command(short_help="What each method needs, honours and gives.")
def methods(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One method in full, with its options.")] = None,
    form: Annotated[ListForm, typer.Option("--format", help="How to answer.")] = ListForm.TABLE,
    debug: Debug = False,
) -> int:
    """List the methods: what each estimates, needs and honours, and where its standard error comes from."""
    from yinguo.cli.methods import methods

    return methods(name, form.value)


@app.command(short_help="The data sets that come along.")
def datasets(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One data set; alone, what it is.")] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write it there, as .csv or .parquet; text as .jsonl.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="OPTION=VALUE", help="An option of it; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    debug: Debug = False,
) -> int:
    """List the data sets that come along, or write one to a file."""
    from yinguo.cli.datasets import datasets

    return datasets(name, out=out, settings=settings or (), force=force)


@app.command(short_help="Published tables, run again.")
def bench(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The table to run; without it, a list.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Run every table, one after another.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only a fraction of the replications.")] = False,
    jobs: Annotated[int, typer.Option(metavar="N", help="Processes; -1 is one per core.")] = -1,
    replications: Annotated[
        int | None, typer.Option(metavar="K", help="Draws per cell, instead of the table's own number.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where rows and results are kept. Default: benchmarks/results.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume/--fresh", help="Go on with what is there, or start anew.")] = True,
    progress: Progress = None,
    debug: Debug = False,
) -> int:
    """Run a published table, or go on with it: ours, as printed, and the truth side by side."""
    from yinguo.cli.bench import bench

    return bench(
        name,
        everything=everything,
        quick=quick,
        jobs=jobs,
        replications=replications,
        out=out,
        resume=resume,
        progress=progress,
    )


app.command("explain-attention", short_help="The causal graph that a model's attention draws of a text.")(
    explain_attention
)
app.command(short_help="A tuned checkpoint that keeps what it could before.")(tailor)
