"""Generation by a model behind an address: it answers a suite as a system of its own, and no answer is paid for twice.

Every answer is stored as it arrives, so what ended in the middle goes on where it ended. Answers are also kept in the
workspace's `cache/`, by a hash of address, model, messages, decoding and seed: another suite with the same prompt, or
another system on the same model, does not ask again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson

from curator import whole
from curator.access import require
from curator.errors import GenerationError
from curator.runs.endpoint import Endpoint, Question, Said, ask, key_of
from curator.store import events, outputs, projects, suites, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import AskedEndpoint, Kind
from schemas.review import Decoding, GenerationReport


def generate_at(
    workspace: Workspace,
    endpoint: Endpoint,
    suite: str,
    *,
    system: str,
    actor: str,
    decoding: Decoding | None = None,
    project: str | None = None,
    pause: Callable[[float], None] = time.sleep,
    on_progress: Callable[[int, int], None] | None = None,
) -> GenerationReport:
    """Answers of the model at an address to every prompt of a suite, stored as those of a system.

    Args:
        workspace: Where to store.
        endpoint: Whom to ask.
        suite: Name or id of a suite.
        system: Name of the system; a new name makes a new one.
        actor: Who asked.
        decoding: By default greedy, at most 128 new tokens.
        project: Whose gates decide about a new system; by default the first one.
        pause: Waits so many seconds between two attempts.
        on_progress: Is told how many of how many outputs are stored.

    Raises:
        NotFoundError: There is no such suite.
        GenerationError: The system answered with another model or other decoding before; or the server refuses, or
            stays busy. What was answered is stored.
    """
    require(workspace, actor, Right.REVIEW)
    decoding = decoding or Decoding()
    with workspace.write() as connection:
        frozen = suites.get(connection, suite)
        now = workspace.clock()
        project_id = projects.by_name(connection, project).id
        owner = systems.ensure_named(connection, system, project_id=project_id, actor=actor, at=now)
        earlier = events.newest(connection, owner.id, [Kind.GENERATE_AT])
        done = {(position, sample) for position, _, sample in outputs.done(connection, owner.id, frozen.id)}
        asked = AskedEndpoint(
            url=str(endpoint.url), model=endpoint.model, decoding=decoding, suite=frozen.id, outputs=len(done)
        )
        if earlier is None:
            events.append(connection, Kind.GENERATE_AT, owner.id, actor=actor, at=now, detail=asked)
        else:
            _refuse_another(system, asked, earlier.read(AskedEndpoint))
    jobs = [
        (position, sample)
        for position in range(len(frozen.prompts))
        for sample in range(decoding.samples)
        if (position, sample) not in done
    ]
    questions = [
        Question(frozen.prompts[position].messages, decoding, decoding.seed + sample) for position, sample in jobs
    ]
    finished, total = len(done), len(frozen.prompts) * decoding.samples
    for n, said in _answers(workspace.folder / "cache" / "answers", endpoint, questions, pause):
        position, sample = jobs[n]
        new = outputs.NewOutput(position, owner.target, sample, said.text, said.tokens, said.stopped, decoding)
        with workspace.write() as connection:
            outputs.add_many(connection, [new], system_id=owner.id, suite_id=frozen.id, at=workspace.clock())
        finished += 1
        if on_progress is not None:
            on_progress(finished, total)
    with workspace.write() as connection:
        detail = asked.model_copy(update={"outputs": finished})
        events.append(connection, Kind.GENERATE_AT, owner.id, actor=actor, at=workspace.clock(), detail=detail)
    return GenerationReport(run=owner.id, suite=frozen.id, outputs=finished, new=finished - len(done))


def _refuse_another(system: str, asked: AskedEndpoint, earlier: AskedEndpoint) -> None:
    for name in ("url", "model", "decoding"):
        if getattr(asked, name) != getattr(earlier, name):
            raise GenerationError(
                f"System {system} answered with another {name} before: {getattr(earlier, name)}.",
                hint="Use the same to go on, or name another system.",
            )


def _answers(
    cache: Path, endpoint: Endpoint, questions: Sequence[Question], pause: Callable[[float], None]
) -> Iterator[tuple[int, Said]]:
    """Number and answer of every question: those that are known first, then the others as they come in."""
    places = [_place(cache, key_of(endpoint, question)) for question in questions]
    unknown: list[int] = []
    for n, place in enumerate(places):
        known = _known(place)
        if known is None:
            unknown.append(n)
        else:
            yield n, known
    for number, said in ask(endpoint, [questions[n] for n in unknown], pause=pause):
        n = unknown[number]
        places[n].parent.mkdir(parents=True, exist_ok=True)
        whole.write(places[n], orjson.dumps(said._asdict()))
        yield n, said


def _place(cache: Path, key: str) -> Path:
    return cache / key[:2] / f"{key}.json"


def _known(place: Path) -> Said | None:
    """The answer that was kept, or None where there is none that can be read."""
    try:
        return Said(**orjson.loads(place.read_bytes()))
    except (OSError, orjson.JSONDecodeError, TypeError):
        return None
