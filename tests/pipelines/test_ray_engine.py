"""Workers on a Ray cluster: the same results as on this machine, also when a machine is lost."""

import sys

import pytest

from lift3d.pipelines.batch import run_batch
from lift3d.pipelines.batch_processes import OwnProcess
from lift3d.pipelines.batch_tasks import WorkerSpec
from lift3d.pipelines.ray_engine import RayPool
from lift3d.pipelines.stream_settings import StreamSettings
from lift3d.pipelines.video_output import PartsInfo, VideoItem, VideoOutput
from lift3d.poses.errors import BadInput

SETTINGS = StreamSettings(smooth="live")


@pytest.mark.slow
def test_a_cluster_that_loses_a_machine_gives_what_one_machine_gives(
    video_parts, make_video, tmp_path, monkeypatch
):
    ray = pytest.importorskip("ray")
    utils = pytest.importorskip("ray.cluster_utils")
    monkeypatch.setenv("LIFT3D_TEST_SECONDS", "0.03")
    items = [VideoItem(str(make_video(tmp_path / f"{k}.mp4", 60)), str(k)) for k in range(4)]
    parts = PartsInfo(f"{video_parts}:Moving", f"{video_parts}:Flat")

    def spec(name):
        return WorkerSpec(SETTINGS, VideoOutput(tmp_path / name, parts), "cpu", threads=1)

    cluster = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        lost = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        pool = RayPool(spec("ray"), 2, cluster.address)
        outcomes = []
        for outcome in run_batch(pool, items, SETTINGS):
            if outcome is not None:
                outcomes.append(outcome.status)
                if len(outcomes) == 1:
                    cluster.remove_node(lost, allow_graceful=False)
        pool.close()
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert outcomes == ["done"] * 4
    monkeypatch.setenv("LIFT3D_TEST_SECONDS", "0")
    alone = [o for o in run_batch(OwnProcess(spec("one")), items, SETTINGS) if o is not None]
    assert [outcome.status for outcome in alone] == ["done"] * 4
    for item in items:
        ours = (tmp_path / "ray" / f"{item.name}.jsonl").read_bytes()
        assert ours == (tmp_path / "one" / f"{item.name}.jsonl").read_bytes()


def test_addresses_that_lead_nowhere_are_one_line(tmp_path):
    pytest.importorskip("ray")
    spec = WorkerSpec(SETTINGS, VideoOutput(tmp_path, PartsInfo("hourglass", "ppca")))
    with pytest.raises(BadInput) as error:
        RayPool(spec, address="127.0.0.1:9")
    assert str(error.value) == (
        "no Ray cluster answers at 127.0.0.1:9 (Connection refused); start one with "
        "`ray start --head`, or check --address"
    )
    with pytest.raises(BadInput) as error:
        RayPool(spec, address="nowhere")
    assert str(error.value) == "--address must be host:port, ray://host:port or auto, got 'nowhere'"


def test_without_ray_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    spec = WorkerSpec(SETTINGS, VideoOutput(tmp_path, PartsInfo("hourglass", "ppca")))
    with pytest.raises(BadInput) as error:
        RayPool(spec)
    assert str(error.value) == '--engine ray needs Ray; run: pip install "lift3d[ray]"'
