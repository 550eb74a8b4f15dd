import multiprocessing
import signal

import pytest

from lift3d.poses.child_processes import interrupts_held

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "pthread_sigmask"), reason="this system has no signal masks"
)


@pytest.fixture
def heard():
    """Let Ctrl-C be heard, which shells switch off for what runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_until_the_block_has_ended(heard):
    reached = []

    def interrupted():
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
            reached.append("end of the block")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached == ["end of the block"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_process_that_is_started_in_it_sees_no_interrupt():
    with interrupts_held():
        pool = multiprocessing.get_context("spawn").Pool(1)
    with pool:
        assert signal.SIGINT in pool.apply(signal.pthread_sigmask, (signal.SIG_BLOCK, []))
