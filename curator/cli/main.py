"""The `curator` command: every verb of the loop in one place."""

from __future__ import annotations

import typer

from curator.cli import init

app = typer.Typer(
    name="curator",
    help="Curate instruction-response pairs, fine-tune on their responses, review what comes out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)

if __name__ == "__main__":
    app()
