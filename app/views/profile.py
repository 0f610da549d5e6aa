"""Profile: what the records of a project look like, what the rules say of them, and which rules are asked."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import bars, links, notice
from app.components.bars import Bar
from curator import Workspace, jobs
from curator.annotate import team
from curator.curate import checks
from curator.quality.rules import Level
from schemas.job import Job, JobState
from schemas.profile import Bin, Count, Profile, RuleState, Spread, StoredProfile
from schemas.project import Project
from schemas.query import Bound, Choice, ChoiceField, NumberField, RecordQuery

_AT_ONCE = 2_000  # records up to which the page counts by itself, which takes less than a second
_BARS = 12
_TABS = ["Records", "Lengths", "Rules", "Work"]
_NOT_SAID = "not said"


def render(workspace: Workspace, project: Project, person: str) -> None:
    """The counts as they were kept last, how to count again, and a tab for each kind of them."""
    st.title("Profile", anchor=False)
    notice.done("rule")
    total = checks.total(workspace, project_id=project.id)
    stored, states = _known(workspace, project, total)
    if total == 0:
        st.info("This project has no records yet.", icon=":material/upload_file:")
        links.to("import_data", "Import a file", icon=":material/upload_file:")
        return
    is_old = stored is None or stored.behind > 0 or stored.profile.records != total
    if is_old and total <= _AT_ONCE and not _under_way(workspace, project):
        with notice.errors(), st.spinner("Counting the records"):
            job_id = checks.start(workspace, project=project, actor=person, detach=False)
            jobs.execute(workspace, job_id)
            stored = checks.latest(workspace, project_id=project.id)
            states = checks.states(workspace, project_id=project.id)
    _show_counting(workspace, project, person, stored, total)
    if stored is None:
        return
    _show_totals(stored.profile)
    records, lengths, rules, work = state.tabs("profile", _TABS)
    with records:
        _show_records(stored.profile)
    with lengths:
        _show_lengths(stored.profile)
    with rules:
        _show_rules(workspace, project, person, states)
    with work:
        _show_work(workspace, project)


def _known(workspace: Workspace, project: Project, total: int) -> tuple[StoredProfile | None, list[RuleState]]:
    """What is stored; of many records for half a minute, since counting the answers of a million takes seconds."""
    if total <= _AT_ONCE:
        return _look(workspace, str(workspace.folder), project.id, "")
    newest = (job for job in jobs.listed(workspace, project_id=project.id) if job.kind == checks.CHECK)
    job = next(newest, None)
    return _look_again(workspace, str(workspace.folder), project.id, "" if job is None else f"{job.id} {job.state}")


def _look(
    _workspace: Workspace, folder: str, project_id: int, job: str
) -> tuple[StoredProfile | None, list[RuleState]]:
    """Kept by folder, project and the newest job, so that the end of a job shows at once."""
    del folder, job
    return checks.latest(_workspace, project_id=project_id), checks.states(_workspace, project_id=project_id)


_look_again = st.cache_data(ttl=30, show_spinner="Counting the answers of the rules")(_look)


def _under_way(workspace: Workspace, project: Project) -> Job | None:
    """The job that counts this project, while there is one."""
    newest = (job for job in jobs.listed(workspace, project_id=project.id) if job.kind == checks.CHECK)
    job = next(newest, None)
    return job if job is not None and (job.is_alive or job.state is JobState.INTERRUPTED) else None


def _show_counting(
    workspace: Workspace, project: Project, person: str, stored: StoredProfile | None, total: int
) -> None:
    """When the counts are from, and the way to newer ones."""
    job = _under_way(workspace, project)
    if job is not None:
        state.live(_show_progress, every=1.0 if job.is_alive else None)(workspace, job.id, person)
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    if stored is None:
        row.info(f"{notice.counted(total, 'record')}, none of them counted yet.", icon=":material/bar_chart:")
    else:
        behind = max(stored.behind, abs(total - stored.profile.records))
        since = f" {notice.counted(behind, 'record')} came or changed since." if behind else ""
        row.caption(f"Counted on {stored.at:%Y-%m-%d at %H:%M} UTC.{since}")
    label = "Count the records" if stored is None else "Count again"
    if row.button(label, icon=":material/refresh:", type="primary" if stored is None else "secondary"):
        with notice.errors():
            checks.start(workspace, project=project, actor=person)
            st.rerun()


def _show_progress(workspace: Workspace, job_id: int, person: str) -> None:
    job = jobs.status(workspace, job_id)
    if not job.is_alive and job.state is not JobState.INTERRUPTED:
        st.rerun()
    done = f"{job.done:,} of {job.total:,}" if job.total else "starting"
    row = st.container(horizontal=True, vertical_alignment="center")
    share = min(1.0, job.done / job.total) if job.total else 0.0
    row.progress(share, text=f"Counting the records: {done}. You can leave this page.")
    if job.state is JobState.INTERRUPTED:
        if row.button("Go on", icon=":material/play_arrow:", help="Its process is gone; it goes on where it was."):
            with notice.errors():
                jobs.resume(workspace, job_id, actor=person)
                st.rerun()
    elif row.button("Stop", icon=":material/stop:"):
        with notice.errors():
            jobs.cancel(workspace, job_id, actor=person)


def _show_totals(profile: Profile) -> None:
    with st.container(horizontal=True):
        st.metric("Records", f"{profile.records:,}", border=True)
        if profile.total_tokens is not None:
            st.metric("Tokens", _short(profile.total_tokens), border=True, help=f"Of {profile.tokenizer}, texts alone")
        if profile.response_characters is not None:
            help_text = _spread(profile.response_characters)
            st.metric("Response, median", f"{profile.response_characters.median:,}", border=True, help=help_text)
        if profile.prompt_characters is not None:
            help_text = _spread(profile.prompt_characters)
            st.metric("Before it, median", f"{profile.prompt_characters.median:,}", border=True, help=help_text)
        hits = sum(each.records for each in profile.rules)
        st.metric("Hits of rules", f"{hits:,}", border=True, help="A record that several rules hit counts for each")
    st.caption("Lengths are in characters. Press a bar to see its records.")


def _short(number: int) -> str:
    for size, name in ((10**9, "bn"), (10**6, "m"), (10**4, "k")):
        if number >= size:
            return f"{number / (1_000 if name == 'k' else size):.1f} {name}"
    return f"{number:,}"


def _spread(spread: Spread) -> str:
    return (
        f"From {spread.least:,} to {spread.most:,} characters; 90 in 100 are between {spread.p5:,} and {spread.p95:,}."
    )


def _show_records(profile: Profile) -> None:
    for left_one, right_one in (
        (("State", profile.states, ChoiceField.STATE), ("Kind", profile.shapes, None)),
        (("Source", profile.sources, ChoiceField.SOURCE), ("Licence", profile.licences, ChoiceField.LICENCE)),
        (("Language, as the source says", profile.languages, ChoiceField.LANGUAGE), None),
    ):
        for column, each in zip(st.columns(2, gap="large"), (left_one, right_one), strict=True):
            if each is not None:
                title, counts, field = each
                with column:
                    bars.lying(title, title, _of_counts(counts, field), total=profile.records)
                    if len(counts) > _BARS:
                        rest = sum(count.records for count in counts[_BARS:])
                        st.caption(f"{len(counts) - _BARS:,} more with {notice.counted(rest, 'record')}.")
        if right_one is None:
            with column:
                turns = [
                    Bar(_range(each), each.records, _between(NumberField.MESSAGES, each)) for each in profile.turns
                ]
                bars.standing("turns", "Messages of a record", turns, total=profile.records)


def _of_counts(counts: tuple[Count, ...], field: ChoiceField | None) -> list[Bar]:
    return [
        Bar(
            each.value or _NOT_SAID,
            each.records,
            None if field is None else RecordQuery(conditions=(Choice(field=field, values=(each.value,)),)),
        )
        for each in counts[:_BARS]
    ]


def _show_lengths(profile: Profile) -> None:
    left, right = st.columns(2, gap="large")
    for column, name, title, bins, field in (
        (left, "responses", "Characters of the response", profile.response_lengths, NumberField.RESPONSE_CHARACTERS),
        (right, "prompts", "Characters before the response", profile.prompt_lengths, None),
    ):
        with column:
            drawn = [Bar(_range(each), each.records, None if field is None else _between(field, each)) for each in bins]
            bars.standing(name, title, drawn, total=profile.records)
    if profile.token_lengths:
        drawn = [Bar(_range(each), each.records, _between(NumberField.TOKENS, each)) for each in profile.token_lengths]
        note = f"Tokens of {profile.tokenizer}, without those that its chat template adds."
        bars.standing("tokens", "Tokens of a record", drawn, total=profile.records, note=note)
    else:
        st.caption("Choose a base model under Project to see tokens as well.")
        links.to("project", "Project", icon=":material/tune:")


def _range(each: Bin) -> str:
    return f"{each.start:,}" if each.end == each.start + 1 else f"{each.start:,} to {each.end - 1:,}"


def _between(field: NumberField, each: Bin) -> RecordQuery:
    lowest = Bound(field=field, compare=">=", number=each.start)
    return RecordQuery(conditions=(lowest, Bound(field=field, compare="<", number=each.end)))


def _show_rules(workspace: Workspace, project: Project, person: str, states: list[RuleState]) -> None:
    hit = sorted((each for each in states if each.hits), key=lambda each: -each.hits)
    bars.lying("rules", "Records that a rule hits", [_of_rule(each) for each in hit[:_BARS]], total=states[0].total)
    if not hit:
        st.info("No rule that was asked hits a record.", icon=":material/check:")
    st.markdown("**All rules**")
    st.caption(
        "A hit is a reason to look, not a verdict. Right is the share of a rule's hits that were right in public data, "
        "read one by one; a rule below 80 % is off until you switch it on. What you switch counts from the next "
        "counting on, for everyone in this project, and stands in the log."
    )
    for each in sorted(states, key=lambda each: (-each.hits, -each.failed, each.rule)):
        _show_rule(workspace, project, person, each)


def _of_rule(each: RuleState) -> Bar:
    return Bar(each.rule, each.hits, RecordQuery(conditions=(Choice(field=ChoiceField.RULE, values=(each.rule,)),)))


def _show_rule(workspace: Workspace, project: Project, person: str, each: RuleState) -> None:
    with st.container(border=True):
        name, figures, choices = st.columns([4, 3, 3], vertical_alignment="center")
        name.markdown(f"**{notice.plain(each.rule)}**  \n{notice.plain(each.title)}")
        right = "not measured" if each.precision is None else f"right {each.precision:.0%} of {each.judged}"
        failed = f", failed on {each.failed:,}" if each.failed else ""
        with figures:
            query = _of_rule(each).query
            if each.hits and query is not None:
                links.to_records(query, f"{notice.counted(each.hits, 'record')}", icon=":material/search:")
            st.caption(f"{right}{failed} · {each.stands}")
        with choices.container(horizontal=True, vertical_alignment="center"):
            is_on = st.toggle("on", value=each.is_on, key=f"on {project.id} {each.rule}")
            levels = [level.value for level in Level]
            level = st.selectbox(
                f"Level of {each.rule}", levels, index=levels.index(each.level), label_visibility="collapsed",
                key=f"level {project.id} {each.rule}", width=130,
            )  # fmt: skip
        if (is_on, level) != (each.is_on, each.level):
            with notice.errors():
                checks.choose(
                    workspace, each.rule, project_id=project.id, actor=person, is_on=is_on, level=Level(level)
                )
                _look_again.clear()
                state.remember("rule", f"{notice.plain(each.rule)} is {'on' if is_on else 'off'}, level {level}.")
                st.rerun()


def _show_work(workspace: Workspace, project: Project) -> None:
    members = [each for each in team(workspace, project_id=project.id).members if each.answers]
    if not members:
        st.info("No annotator has answered a record yet.", icon=":material/edit_note:")
        return
    drawn = [
        Bar(each.name, each.answers, RecordQuery(conditions=(Choice(field=ChoiceField.PERSON, values=(each.name,)),)))
        for each in members[:_BARS]
    ]
    bars.lying("people", "Answers by annotator", drawn, total=sum(each.answers for each in members))
    st.dataframe(
        [
            {
                "annotator": each.name, "answers": each.answers, "edited": each.edited_none,
                "edited (shown)": each.edited_shown, "edited (hidden)": each.edited_hidden,
                "gold right": each.gold_right / each.gold_given if each.gold_given else None,
            }
            for each in members
        ],
        hide_index=True,
        width="stretch",
        placeholder="none",
        column_config={
            name: st.column_config.NumberColumn(format="percent")
            for name in ("edited", "edited (shown)", "edited (hidden)", "gold right")
        },
    )  # fmt: skip
    st.caption(
        "Edited is the share of answers whose text differs from the record's: of records without a suggestion, and of "
        "those with one that was shown or hidden. Gold right is the share of records with a known answer that were "
        "answered so."
    )
    links.to("team", "Agreement between annotators", icon=":material/group:", address={"team_tab": "Agreement"})


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), state.project(), notice.person_needed())
