"""``helios-wf completion``: what a shell needs to complete commands, options and runs."""

from __future__ import annotations

from itertools import islice

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_HELIOS_WF_COMPLETE"

MOST_RUNS = 100
"""So many runs, the latest, are offered."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes a shell complete commands, options, files and runs.

    bash: add to ~/.bashrc   eval "$(helios-wf completion bash)"

    zsh: add to ~/.zshrc   eval "$(helios-wf completion zsh)"

    fish: helios-wf completion fish > ~/.config/fish/completions/helios-wf.fish
    """
    from helios_wf.cli import cli

    chosen = get_completion_class(shell)
    assert chosen is not None
    # click asks bash for its version, which is not needed to write the script and fails where bash is missing
    script = chosen(cli, {}, "helios-wf", VARIABLE)
    click.echo(script.source_template % script.source_vars())


MOST_JOBS = 100
"""So many jobs of a step are offered."""


def jobs_beginning(incomplete: str) -> list[str]:
    """Returns what a job's name may go on with: runs, the steps of a run, the jobs of a step."""
    from helios_wf.config import Settings
    from helios_wf.failures import job_name
    from helios_wf.store import Store, jobs, runs, tasks

    head, slash, _ = incomplete.partition("/")
    try:
        settings = Settings.load()
        if settings.store is None and not settings.home.exists():
            return []
        with Store.open(settings.store, settings.home).read() as tx:
            is_run = bool(slash) and runs.begins(tx, head)
            run = runs.get(tx, head) if is_run else runs.latest(tx)
            if run is None:
                return []
            lead = f"{head}/" if is_run else ""
            steps = {lead + row.name: row.number for row in tasks.list(tx, run.id)}
            offered = [] if slash else [f"{row.id}/" for row in runs.list(tx, MOST_RUNS)]
            offered += steps
            step = incomplete.partition("[")[0]
            if "[" in incomplete and step in steps:
                rows = jobs.below(tx, run.id, steps[step])
                offered += [job_name(step, row.path) for row in islice(rows, MOST_JOBS)]
            return [one for one in offered if one.startswith(incomplete)]
    except Exception:
        # a completion has no place to say what is wrong
        return []


def runs_beginning(incomplete: str) -> list[str]:
    """Returns the ids of the latest runs that begin so; none where there is no store that can be read."""
    from helios_wf.config import Settings
    from helios_wf.store import Store, runs

    try:
        settings = Settings.load()
        if settings.store is None and not settings.home.exists():
            return []
        with Store.open(settings.store, settings.home).read() as tx:
            return [row.id for row in runs.list(tx, MOST_RUNS) if row.id.startswith(incomplete)]
    except Exception:
        # a completion has no place to say what is wrong
        return []
