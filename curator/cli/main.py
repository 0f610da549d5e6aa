"""The `curator` command: every verb of the loop in one place."""

from __future__ import annotations

import typer

from curator.cli import accounts, annotate, demo, generate, import_data, init, models, review, serve, train, versions

app = typer.Typer(
    name="curator",
    help="Curate instruction-response pairs, fine-tune on their responses, review what comes out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("import")(import_data.import_data)
app.add_typer(import_data.quarantine_app, name="quarantine")
app.command("project")(annotate.project)
app.add_typer(annotate.answers_app, name="answers")
app.command("agreement")(annotate.agreement)
app.command("team")(annotate.team)
app.command("freeze")(versions.freeze)
app.command("versions")(versions.versions)
app.command("diff")(versions.diff)
app.command("verify")(versions.verify)
app.command("export")(versions.export)
app.command("tokens")(train.tokens)
app.command("train")(train.train)
app.command("runs")(train.runs)
app.command("stop")(train.stop)
app.command("resume")(train.resume)
app.command("delete")(train.delete)
app.command("preflight")(train.preflight)
app.command("losses")(train.losses)
app.command("assess")(models.assess)
app.command("promote")(models.promote)
app.command("export-model")(models.export_model)
app.command("votes")(models.votes)
app.command("compare")(models.compare)
app.command("controls")(models.controls)
app.add_typer(review.suite_app, name="suite")
app.command("generate")(generate.generate)
app.command("screen")(review.screen)
app.command("feedback")(review.feedback)
app.command("decide")(review.decide)
app.command("report")(review.report)
app.add_typer(accounts.account_app, name="account")
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)

if __name__ == "__main__":
    app()
