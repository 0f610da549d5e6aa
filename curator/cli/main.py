"""The `curator` command: every verb of the loop in one place.

A verb's module is imported when the verb is used: all of them together take half a second, which every start would wait
for.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from curator import threads

VERBS = {
    "init": "init.init",
    "import": "import_data.import_data",
    "imports": "import_data.imports_app",
    "quarantine": "quarantine.quarantine_app",
    "project": "annotate.project",
    "answers": "annotate.answers_app",
    "agreement": "annotate.agreement",
    "team": "annotate.team",
    "profile": "curate.profile",
    "select": "select.select",
    "check": "curate.check",
    "duplicates": "duplicates.duplicates",
    "dedup": "duplicates.duplicates",
    "leakage": "leakage.leakage",
    "decontaminate": "leakage.leakage",
    "topics": "topics.topics",
    "alike": "topics.alike",
    "subset": "subset.subset",
    "freeze": "versions.freeze",
    "versions": "versions.versions",
    "diff": "versions.diff",
    "verify": "versions.verify",
    "export": "versions.export",
    "tokens": "train.tokens",
    "train": "train.train",
    "runs": "train.runs",
    "rename": "train.rename",
    "stop": "train.stop",
    "resume": "train.resume",
    "delete": "train.delete",
    "trainability": "trainability.trainability",
    "preflight": "train.preflight",
    "bases": "bases.bases_app",
    "losses": "train.losses",
    "assess": "models.assess",
    "promote": "models.promote",
    "export-model": "models.export_model",
    "votes": "models.votes",
    "compare": "compare.compare",
    "controls": "models.controls",
    "suite": "review.suite_app",
    "generate": "generate.generate",
    "outputs": "review.outputs_app",
    "screen": "review.screen",
    "review": "judging.review_app",
    "verdicts": "review.verdicts_app",
    "feedback": "review.feedback",
    "conditions": "review.conditions_app",
    "decide": "review.decide",
    "report": "review.report",
    "verify-decision": "review.verify_decision",
    "jobs": "jobs.jobs_app",
    "account": "accounts.account_app",
    "backup": "backup.backup",
    "restore": "backup.restore",
    "doctor": "backup.doctor",
    "serve": "serve.serve",
    "demo": "demo.demo",
}
"""Each verb, in the order of the loop, and where it is: a function of a module beside this one, or a group of verbs."""


class _Verbs(TyperGroup):
    """A group that looks its commands up when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        place = VERBS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(".")
        found: Any = getattr(importlib.import_module(f"curator.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            command = typer.main.get_command(found)
        else:
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command(cmd_name)(found)
            command = typer.main.get_command(alone)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Verbs,
    name="curator",
    help="Curate instruction-response pairs, fine-tune on their responses, review what comes out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _curator() -> None:
    """Curate instruction-response pairs, fine-tune on their responses, review what comes out."""
    threads.settle()  # before a verb imports PyTorch, so that a run here works like a detached one


if __name__ == "__main__":
    app()
