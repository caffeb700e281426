"""Nothing in the queue can be executed: it is JSON, and its names are those of a fixed table."""

from __future__ import annotations

import json
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest
from rq import Callback, Queue
from rq.serializers import DefaultSerializer, JSONSerializer

from pm.connect import ServerError
from tests.jobs.office import Office, with_settings
from tests.servers import StartServer
from workers.jobs.listing import NoSuchRun, retry
from workers.jobs.queue import QueueServer, enqueue
from workers.jobs.table import JOBS, QUICK


class _Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_what_is_stored_is_json(office: Office) -> None:
    enqueue(office.server, JOBS["expire-traces"], 5, office.settings)
    stored = office.raw.hget("rq:job:expire-traces-5", "data")
    assert json.loads(zlib.decompress(stored)) == ["expire-traces", None, [], {"slot": 5}]

    office.work()
    assert office.run_of("expire-traces").state == "finished"
    for key in office.raw.scan_iter(match="rq:*"):
        if office.raw.type(key) == b"hash":
            values = [_unpacked(value) for value in office.raw.hgetall(key).values()]
            assert not [value for value in values if value.startswith(b"\x80")]


def test_a_planted_pickle_is_refused_and_not_loaded(office: Office, tmp_path: Path) -> None:
    enqueue(office.server, JOBS["expire-traces"], 5, office.settings)
    made = tmp_path / "made"
    payload = pickle.dumps(_Touch(made))
    office.raw.hset("rq:job:expire-traces-5", "data", zlib.compress(payload))
    office.raw.hset("rq:job:expire-traces-5", "meta", payload)
    office.raw.hdel("rq:job:expire-traces-5", "retries_left")

    office.work()
    (run_id, state), *more = office.states().items()
    assert (run_id, state, more) == ("expire-traces-5", "failed", [])
    assert not made.exists()
    with pytest.raises(NoSuchRun, match="no failed run"):
        retry(office.server, "expire-traces-5")
    pickle.loads(payload)
    assert made.exists()  # it would have been made


def test_nothing_is_ever_read_as_a_pickle(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = tmp_path / "read"
    monkeypatch.setattr(DefaultSerializer, "loads", staticmethod(lambda _data: read.touch() or {}))
    payload = pickle.dumps({"slot": 5})
    for slot in (5, 6, 7):
        enqueue(office.server, JOBS["expire-traces"], slot, office.settings)
        office.raw.hset(f"rq:job:expire-traces-{slot}", "meta", payload)
        office.raw.hset(f"rq:job:expire-traces-{slot}", "result", payload)
    office.raw.lrem("rq:queue:pm-quick", 1, "expire-traces-6")
    office.raw.hset("rq:job:expire-traces-6", "status", "started")
    office.raw.zadd("rq:wip:pm-quick", {"expire-traces-6:gone": 1})
    office.raw.lrem("rq:queue:pm-quick", 1, "expire-traces-7")
    office.raw.zadd("rq:scheduled:pm-quick", {"expire-traces-7": 1})
    office.raw.sadd("rq:groups", "planted")
    office.raw.sadd("rq:group:planted", "expire-traces-5", "expire-traces-6")

    office.scheduler().round()
    office.work()
    office.work()
    states = office.states()
    assert states["expire-traces-5"] == states["expire-traces-7"] == "finished"
    assert states["expire-traces-6"] == "scheduled", "an abandoned run was not found"
    assert not read.exists()


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("os.mkdir", {"slot": 5}, "there is no job 'os.mkdir'"),
        ("retired-job", {"slot": 5}, "there is no job 'retired-job'"),
        ("expire-traces", {"slot": "5"}, "has no slot"),
        ("expire-traces", {"slot": 5, "body": "os:getcwd"}, "not what a scheduler writes"),
    ],
)
def test_other_names_and_forms_fail_with_the_reason(
    office: Office, name: str, arguments: dict[str, Any], said: str
) -> None:
    queue = Queue(QUICK, connection=office.raw, serializer=JSONSerializer)
    queue.enqueue_call(name, kwargs=arguments, job_id="planted")
    office.work()
    run = office.run_of(name)
    assert run.state == "failed"
    assert said in run.text


@pytest.mark.parametrize(
    ("field", "value"), [("status", "asleep"), ("created_at", "once"), ("retries_left", "many")]
)
def test_a_run_that_cannot_be_read_does_not_stop_its_queue(
    office: Office, field: str, value: str
) -> None:
    for slot in (5, 6):
        enqueue(office.server, JOBS["expire-traces"], slot, office.settings)
    office.raw.hset("rq:job:expire-traces-5", field, value)
    office.work()
    office.raw.zadd("rq:failed:pm-quick", {"expire-traces-5": 2**40})
    assert office.states() == {"expire-traces-6": "finished"}
    office.work()


def test_callbacks_of_a_stored_job_are_not_called(office: Office, tmp_path: Path) -> None:
    queue = Queue(QUICK, connection=office.raw, serializer=JSONSerializer)
    callback = Callback("tests.jobs.test_queue.called")
    os.environ["PM_TEST_CALLED"] = str(tmp_path / "called")
    try:
        for number, name in enumerate(("expire-traces", "retired-job")):
            queue.enqueue_call(
                name,
                kwargs={"slot": 5},
                job_id=f"planted-{number}",
                on_success=callback,
                on_failure=callback,
            )
        office.work()
    finally:
        del os.environ["PM_TEST_CALLED"]
    assert office.states() == {"planted-0": "finished", "planted-1": "failed"}
    assert not (tmp_path / "called").exists()


def called(*_anything: Any) -> None:
    """What the planted jobs name as their callback."""
    Path(os.environ["PM_TEST_CALLED"]).touch()


def test_a_cluster_is_refused_in_one_line(start_server: StartServer, office: Office) -> None:
    cluster = start_server("valkey", options={"cluster-enabled": "yes"})
    settings = with_settings(office.settings, jobs={"url": None})
    with pytest.raises(ServerError, match=r"is a cluster, .* set jobs\.url") as refused:
        QueueServer.of(settings, cluster.url).check()
    assert "\n" not in str(refused.value)
    QueueServer.of(settings, office.desk.server.url).check()


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value
