"""``helios-wf rerun``: one job once more, here."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from helios_wf.cli.options import job_argument, settings_options
from helios_wf.config import Settings

if TYPE_CHECKING:
    from helios_wf.rerunning import Again


@click.command()
@job_argument
@click.option("--shell", is_flag=True, help="Do not run it: open a shell where it is ready to be run.")
@click.option("--attempt", type=int, metavar="N", help="With what attempt N asked for  [default: the last]")
@click.option("--every-range", is_flag=True, help="All its event ranges, not only those that failed.")
@settings_options("home", "store")
def rerun(job: str | None, shell: bool, attempt: int | None, every_range: bool, settings: Settings) -> int:
    """Run one job again in a fresh folder, here, and exit as its tool does.

    JOB is RUN/step[index]; without RUN the latest run is meant.  The job is run from what its run was begun
    with, wherever it ran before; the run, and what is recorded of it, stay as they are.  A signal that ends
    the tool gives 128 and its number.
    """
    from helios_wf.errors import UserError
    from helios_wf.record import Record, at, run_of
    from helios_wf.rerunning import again, ended, exit_code, fresh_folder, run
    from helios_wf.store import Store

    if shell and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError("--shell needs a terminal; without it, rerun runs the job and shows its command")
    store = Store.open(settings.store, settings.home)
    with store.read() as tx:
        row, address = run_of(tx, job)
        record = Record(tx, row, settings)
        spot = at(record, address)
        one = again(record, spot, fresh_folder(record, spot), attempt, every_range)
    say = functools.partial(click.echo, err=True)
    say(f"{one.name} is run again in {one.spec.directory}")
    if one.ranges:
        say(_ranges(one))
    if shell:
        return _shell(one)
    report = run(one, lambda command: say(f"command: {command}"))
    say(ended(report))
    return exit_code(report)


def _ranges(one: Again) -> str:
    shown = ", ".join(f"[{each.first}, {each.stop})" for each in one.ranges[:5])
    more = f" and {len(one.ranges) - 5} more" if len(one.ranges) > 5 else ""
    rest = "; --every-range runs all" if len(one.ranges) < one.n_ranges else ""
    return f"for {len(one.ranges):,} of its {one.n_ranges:,} event ranges: {shown}{more}{rest}"


def _shell(one: Again) -> int:
    """Opens a shell in the folder of a job that is ready to be run; returns how it ended."""
    from helios_wf.rerunning import prepare

    ready = prepare(one)
    click.echo(f"command: {ready.command}", err=True)
    click.echo(f"it is in {ready.script}: ../{ready.script.name} runs it; exit leaves this shell", err=True)
    own = os.environ
    shell = own.get("SHELL") or "/bin/sh"
    kept = {name: own[name] for name in ("TERM", "LANG", "LC_ALL", "COLORTERM", "SHELL") if name in own}
    prompt = f"({one.name.partition('/')[2]}) $ "
    environment = {"PS1": prompt, **kept, **ready.environment, "HELIOS_COMMAND": str(ready.script)}
    # the shell has the terminal, and takes Ctrl-C for itself
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = subprocess.Popen(
        [shell, "-i"],
        cwd=ready.folder,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    code = process.wait()
    return 128 - code if code < 0 else code
