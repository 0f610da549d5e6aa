"""Kinds of events in one spelling, and every total of a person, which earlier releases counted from some day on."""

from collections import Counter
from datetime import UTC

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SPELT = {
    "ask again": "ask-again",
    "stand again": "stand-again",
    "sign in": "sign-in",
    "account made": "account-made",
    "password reset": "password-reset",
    "password changed": "password-changed",
}
_PEOPLE = (
    "annotator", "day", "seconds", "answers shown", "answers hidden", "answers none",
    "edited shown", "edited hidden", "edited none",
)  # fmt: skip


def upgrade() -> None:
    event = sa.table("event", sa.column("kind"))
    for old, new in _SPELT.items():
        op.execute(event.update().where(event.c.kind == old).values(kind=new))
    _count_people()


def _count_people() -> None:
    """What every answer that stands adds to the totals of its annotator."""
    answer = sa.table(
        "annotation",
        sa.column("slot_id"),
        sa.column("annotator"),
        sa.column("undone", sa.Boolean()),
        sa.column("submitted_at", sa.DateTime(timezone=True)),
        sa.column("active_seconds", sa.Float()),
        sa.column("saw_suggestions", sa.Boolean()),
        sa.column("edited", sa.Boolean()),
    )
    slot = sa.table("slot", sa.column("id"), sa.column("project_id"))
    tally = sa.table("tally", sa.column("project_id"), sa.column("name", sa.Text()), sa.column("n"))
    counted: Counter[tuple[int, str]] = Counter()
    query = sa.select(
        slot.c.project_id,
        answer.c.annotator,
        answer.c.submitted_at,
        answer.c.active_seconds,
        answer.c.saw_suggestions,
        answer.c.edited,
    )
    query = query.where(slot.c.id == answer.c.slot_id, answer.c.undone == sa.false())
    for project_id, person, at, seconds, saw, edited in op.get_bind().execute(query):
        suggestions = "none" if saw is None else "shown" if saw else "hidden"
        day = at if at.tzinfo is None else at.astimezone(UTC)  # PostgreSQL answers in the zone of the session
        names = [f"annotator:{person}", f"day:{day:%Y-%m-%d}:{person}", f"answers {suggestions}:{person}"]
        if edited:
            names.append(f"edited {suggestions}:{person}")
        counted.update((project_id, name) for name in names)
        counted[project_id, f"seconds:{person}"] += round(seconds or 0)
    for prefix in _PEOPLE:
        op.execute(tally.delete().where(tally.c.name.startswith(f"{prefix}:")))
    rows = [{"project_id": project_id, "name": name, "n": n} for (project_id, name), n in counted.items() if n]
    if rows:
        op.bulk_insert(tally, rows)


def downgrade() -> None:
    event = sa.table("event", sa.column("kind"))
    for old, new in _SPELT.items():
        op.execute(event.update().where(event.c.kind == new).values(kind=old))
