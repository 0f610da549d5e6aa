"""Ray counts the records of a project on two nodes, and the result is the same to the last byte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import pytest
import ray
from ray.cluster_utils import Cluster

from curator import CuratorError, Workspace
from curator.curate import profile, stages
from curator.curate.engine import EngineName, engine
from curator.curate.stages import Batch
from curator.quality.contamination import Firewall, GatePrompt
from curator.store import projects, records
from curator.store.incoming import incoming
from tests.conftest import REPOSITORY, make_record

REFUSAL = "I'm sorry, but I can't help with that."


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two nodes on this machine, each with one core; their processes import the code that stands here."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address, log_to_driver=False)
    yield nodes.address
    ray.shutdown()
    nodes.shutdown()


def test_two_nodes_count_the_same_to_the_last_byte(workspace: Workspace, cluster: str) -> None:
    assert sum(node["Alive"] for node in ray.nodes()) == 2
    with workspace.write() as connection:
        project = projects.by_name(connection)
        some = [make_record(f"Say {n}, please.", REFUSAL if n % 7 == 0 else f"{n} it is.") for n in range(4_500)]
        records.add_many(connection, some, project=project, at=workspace.clock())
    here = profile.profile(workspace)
    beside = profile.profile(workspace, run_on=EngineName.RAY, address=cluster)
    assert beside.model_dump_json() == here.model_dump_json()
    assert here.records == 4_500


def test_results_come_in_the_order_of_the_batches_and_the_index_is_sent_along(cluster: str) -> None:
    firewall = Firewall(
        [GatePrompt("probes", "1", "How many legs does a spider have in all, and why so many of them?")]
    )
    texts = [
        "How many legs does a spider have in all, and why so many of them?" if n % 5 == 0 else f"Say {n}, please."
        for n in range(40)
    ]
    batches = [Batch((incoming(make_record(text, "Eight.")).content,), (False,)) for text in texts]
    stage = partial(stages.decontaminate, firewall=firewall)
    with engine(EngineName.HERE) as run:
        here = list(run(stage, batches))
    with engine(EngineName.RAY, address=cluster) as run:
        beside = list(run(stage, batches))
    assert beside == here
    assert [n for n, [match] in enumerate(here) if match is not None] == list(range(0, 40, 5))


def test_an_error_of_a_stage_is_told_as_it_is(cluster: str) -> None:
    with engine(EngineName.RAY, address=cluster) as run, pytest.raises(CuratorError, match="is full"):
        list(run(_refuse, [1]))


def _refuse(_batch: int) -> None:
    from curator.errors import CurationError

    raise CurationError("The disk is full.", hint="Free some space.")
