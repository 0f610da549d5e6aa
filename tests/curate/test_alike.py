"""The records that share most words, or lie closest by a model, come first, as their texts stand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from typer.testing import CliRunner

from curator import CuratorError, Workspace
from curator.cli.main import app
from curator.curate import alike, topics
from curator.quality import vector_space
from curator.quality.terms import text_of
from curator.runs.embedding import embedder_of
from curator.store import records
from schemas.annotation import RecordState
from tests.conftest import make_record
from tests.curate.test_topics import planted, stock

BASE = Path(__file__).resolve().parents[2] / "sample_data" / "base_model"


def stocked(workspace: Workspace) -> dict[str, str]:
    """Planted topics; the text of each record by its id."""
    stock(workspace, planted(each=10))
    topics.count(workspace, topics=4, actor="Lea")
    with workspace.read() as connection:
        return {each.id: text_of(each.now) for each in records.every(connection, 1)}


def test_the_likest_are_those_of_an_exhaustive_search(workspace: Workspace) -> None:
    text_by_id = stocked(workspace)
    ids = list(text_by_id)
    weights = vector_space.fit(sorted(text_by_id.values())).weigh(list(text_by_id.values()))
    exact = (weights @ weights.T).toarray()
    for n in (0, 15, 25, 39):
        report = alike.by_words(workspace, ids[n], limit=3)
        best = sorted((likeness for m, likeness in enumerate(exact[n]) if m != n), reverse=True)[:3]
        assert [each.likeness for each in report.neighbours] == pytest.approx(best, abs=1e-3)
        assert (report.compared, report.not_compared) == (40, 0)


def test_an_edited_record_is_compared_as_it_stands_and_a_rejected_one_is_named_so(workspace: Workspace) -> None:
    text_by_id = stocked(workspace)
    first, second, *_ = text_by_id
    before = alike.by_words(workspace, first).neighbours
    with workspace.write() as connection:
        stored = records.get(connection, second)
        same = records.get(connection, first).content
        records.set_state(connection, stored, RecordState.ACCEPTED, final=same)
        records.set_state(connection, records.get(connection, before[0].record_id), RecordState.REJECTED, final=None)
    after = alike.by_words(workspace, first, limit=20).neighbours
    assert {each.record_id: each.likeness for each in after}[second] == pytest.approx(1, abs=1e-3)
    assert {each.record_id: each.state for each in after}[before[0].record_id] == RecordState.REJECTED


def static_model(folder: Path) -> Path:
    """A table of vectors in the form of model2vec: `ship` and `boat` are the same, `flour` is another."""
    folder.mkdir()
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "ship": 1, "boat": 2, "flour": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(folder / "tokenizer.json"))
    save_file({"embeddings": np.array([[0, 0], [1, 0], [1, 0], [0, 1]], np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "model2vec", "architectures": ["StaticModel"]}))
    return folder


def test_a_model_finds_what_shares_no_word_and_keeps_vectors_of_texts_that_stand(
    workspace: Workspace, tmp_path: Path
) -> None:
    model = static_model(tmp_path / "static")
    embed = embedder_of(model)
    stock(workspace, [make_record(text, "?") for text in ("ship", "flour", "boat", "boat ship")])
    with workspace.read() as connection:
        id_of = {each.now.instruction: each.id for each in records.every(connection, 1)}
    with pytest.raises(CuratorError, match="have no vectors of static yet"):
        alike.by_model(workspace, id_of["ship"], model=model, embed=embed)
    assert alike.embed_all(workspace, model=model, embed=embed) == 4
    report = alike.by_model(workspace, id_of["ship"], model=model, embed=embed, limit=2)
    assert {each.record_id for each in report.neighbours} == {id_of["boat"], id_of["boat ship"]}
    stock(workspace, [make_record("ship flour", "!")])
    assert alike.by_model(workspace, id_of["ship"], model=model, embed=embed).not_compared == 1
    assert alike.embed_all(workspace, model=model, embed=embed) == 1
    assert alike.by_model(workspace, id_of["ship"], model=model, embed=embed).compared == 5


def test_hidden_states_of_a_base_do_not_depend_on_what_is_embedded_beside() -> None:
    embed = embedder_of(BASE)
    together = embed(["What is red?", "A much longer text about ships and harbours."])
    alone = embed(["What is red?"])
    assert np.allclose(together[0], alone[0], atol=1e-4)
    assert not np.allclose(together[0], together[1], atol=1e-2)


def test_a_folder_without_a_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match="cannot be loaded"):
        embedder_of(tmp_path)
    shutil.copy(BASE / "config.json", tmp_path)
    with pytest.raises(CuratorError, match="cannot be loaded"):
        embedder_of(tmp_path)


def test_the_command_needs_a_record_and_counted_vectors(workspace: Workspace) -> None:
    stock(workspace, planted(each=3))
    where = ["--workspace", str(workspace.folder)]
    assert "No record is named" in CliRunner().invoke(app, ["alike", *where]).output
    assert "have not been counted yet" in CliRunner().invoke(app, ["alike", "1", *where]).output
    printed = json.loads(CliRunner().invoke(app, ["alike", "1", "--count", "--limit", "2", *where, "--json"]).stdout)
    assert (printed["record_id"], printed["by"], len(printed["neighbours"])) == ("1", "words", 2)
