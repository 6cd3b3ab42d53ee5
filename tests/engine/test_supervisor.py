from dataclasses import dataclass, field

import pytest

from watcherd.engine.client import EngineExited, EngineSaid
from watcherd.engine.messages import Heartbeat, LoadModel, ModelFailed, ModelLoaded, ToEngine
from watcherd.engine.supervisor import EngineDied, EngineState, LoadingFailed, Supervisor
from watcherd.errors import ModelUnavailableError

LOADED = ModelLoaded("a/model", "rev", "cpu", "CPU", "float32", 8, 1.0)


@dataclass
class FakeClient:
    """Stands in for the process: starting and ending are only noted."""

    generation: int = 0
    running: bool = False
    pid: int | None = None
    sent: list[ToEngine] = field(default_factory=list)
    load: LoadModel = field(default_factory=lambda: LoadModel("a/model", "auto", "auto", "auto"))
    killed: int = 0

    def start(self) -> None:
        assert not self.running
        self.running = True
        self.generation += 1

    def stop(self) -> None:
        self.running = False

    def kill(self) -> None:
        self.killed += 1

    def reap(self, _: EngineExited) -> None:
        self.running = False

    def send(self, message: ToEngine) -> None:
        self.sent.append(message)


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def supervisor(client: FakeClient) -> Supervisor:
    return Supervisor(client, idle_unload_s=60)


def load(supervisor: Supervisor, client: FakeClient, now: float) -> None:
    supervisor.want(now)
    supervisor.heard(EngineSaid(client.generation, LOADED), now)


def state_of(supervisor: Supervisor) -> EngineState:
    """A call, so that mypy does not take the state for constant."""
    return supervisor.state


def is_stuck(supervisor: Supervisor) -> bool:
    return supervisor.stuck


def test_work_starts_the_engine_and_may_be_given_once_the_model_is_loaded(
    supervisor: Supervisor, client: FakeClient
) -> None:
    assert state_of(supervisor) is EngineState.UNLOADED
    assert not supervisor.want(0)
    assert state_of(supervisor) is EngineState.LOADING
    assert supervisor.heard(EngineSaid(client.generation, LOADED), 5) == LOADED
    assert supervisor.want(5)
    assert state_of(supervisor) is EngineState.LOADED


def test_an_engine_that_dies_at_work_is_started_again_at_once(supervisor: Supervisor, client: FakeClient) -> None:
    load(supervisor, client, 0)

    news = supervisor.heard(EngineExited(client.generation, -9, expected=False), 10)

    assert news == EngineDied("was killed by SIGKILL", was_loaded=True)
    supervisor.want(10)
    assert state_of(supervisor) is EngineState.LOADING


def test_an_engine_that_dies_while_loading_is_started_again_after_growing_waits(
    supervisor: Supervisor, client: FakeClient
) -> None:
    now = 0.0
    waits = []
    for _ in range(12):
        supervisor.want(now)
        supervisor.heard(EngineExited(client.generation, 1, expected=False), now)
        due = supervisor.start_due()
        assert due is not None
        waits.append(due - now)
        supervisor.want(due - 0.001)
        assert state_of(supervisor) is EngineState.UNLOADED
        now = due

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_model_that_cannot_be_loaded_ends_the_engine_and_is_told(supervisor: Supervisor, client: FakeClient) -> None:
    supervisor.want(0)
    error = ModelUnavailableError("it is not there")

    assert supervisor.heard(EngineSaid(client.generation, ModelFailed(error)), 1) == LoadingFailed(error)
    assert state_of(supervisor) is EngineState.UNLOADED
    assert supervisor.start_due() == 2


def test_what_an_earlier_engine_said_is_stale(supervisor: Supervisor, client: FakeClient) -> None:
    load(supervisor, client, 0)
    supervisor.heard(EngineExited(1, -11, expected=False), 1)
    supervisor.want(1)

    assert supervisor.heard(EngineSaid(1, Heartbeat()), 2) is None
    assert supervisor.heard(EngineExited(1, -11, expected=False), 2) is None
    assert state_of(supervisor) is EngineState.LOADING


def test_an_idle_engine_is_unloaded_and_comes_back_with_the_next_work(
    supervisor: Supervisor, client: FakeClient
) -> None:
    load(supervisor, client, 0)

    assert not supervisor.step(50, busy=True)
    assert supervisor.unload_due() == 110
    assert not supervisor.step(109, busy=False)
    assert supervisor.step(110, busy=False)
    assert state_of(supervisor) is EngineState.UNLOADED
    supervisor.want(200)
    assert state_of(supervisor) is EngineState.LOADING


def test_an_engine_that_may_stay_is_never_unloaded(client: FakeClient) -> None:
    supervisor = Supervisor(client, idle_unload_s=None)
    load(supervisor, client, 0)

    assert supervisor.unload_due() is None
    assert not supervisor.step(1e9, busy=False)


def test_an_engine_that_is_silent_for_longer_than_a_batch_may_take_is_stalled(
    supervisor: Supervisor, client: FakeClient
) -> None:
    load(supervisor, client, 0)
    longest = 60 + 8 * 120

    assert supervisor.stall_due() == longest
    assert supervisor.stalled_s(longest - 1) is None
    assert supervisor.stalled_s(longest) == longest
    supervisor.heard(EngineSaid(client.generation, Heartbeat()), 500)
    assert supervisor.stalled_s(longest + 1) is None


def test_a_stall_timeout_holds_whatever_a_batch_may_take(supervisor: Supervisor, client: FakeClient) -> None:
    supervisor.stall_timeout_s = 15
    load(supervisor, client, 0)

    assert supervisor.stalled_s(14) is None
    assert supervisor.stalled_s(15) == 15


def test_an_engine_that_was_killed_gets_no_work_and_is_stuck_until_it_has_ended(
    supervisor: Supervisor, client: FakeClient
) -> None:
    load(supervisor, client, 0)

    supervisor.kill()

    assert is_stuck(supervisor)
    assert not supervisor.want(1)
    assert supervisor.stalled_s(1e6) is None  # it is not killed twice
    news = supervisor.heard(EngineExited(client.generation, -9, expected=False), 2)
    assert news == EngineDied("was killed by SIGKILL", was_loaded=True)
    assert not is_stuck(supervisor)


def test_what_an_engine_said_before_it_was_told_to_end_is_not_taken_for_a_loaded_model(
    supervisor: Supervisor, client: FakeClient
) -> None:
    supervisor.want(0)
    supervisor.stop()

    assert supervisor.heard(EngineSaid(client.generation, LOADED), 1) is None
    supervisor.want(2)
    assert state_of(supervisor) is EngineState.LOADING


def test_a_loading_engine_takes_as_long_as_it_takes(supervisor: Supervisor) -> None:
    supervisor.want(0)
    assert supervisor.stalled_s(1e6) is None


def test_another_model_is_loaded_with_the_next_work(supervisor: Supervisor, client: FakeClient) -> None:
    load(supervisor, client, 0)
    other = LoadModel("another/model", "auto", "auto", "auto")

    supervisor.change(other)

    assert state_of(supervisor) is EngineState.UNLOADED
    assert client.load == other
    supervisor.want(1)
    assert state_of(supervisor) is EngineState.LOADING
