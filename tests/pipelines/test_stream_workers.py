"""Several threads over the items of a stream: order, bounds, errors, torch's own threads."""

import threading
import time

import pytest
import torch

from lift3d.pipelines.stream_workers import map_in_order


def test_results_come_in_order_though_later_items_end_first():
    def slow(item):
        time.sleep(0.02 * (5 - item))
        return 10 * item

    assert list(map_in_order(slow, range(5), threads=3)) == [0, 10, 20, 30, 40]


def test_two_threads_work_at_the_same_time():
    both = threading.Barrier(2, timeout=10)  # passed only by two at once

    def meet(item):
        both.wait()
        return item

    assert list(map_in_order(meet, range(4), threads=2)) == [0, 1, 2, 3]


def test_one_item_more_than_threads_is_taken_ahead():
    taken = []

    def items():
        for k in range(10):
            taken.append(k)
            yield k

    results = map_in_order(abs, items(), threads=2)
    assert next(results) == 0
    assert taken == [0, 1, 2]
    assert next(results) == 1
    assert taken == [0, 1, 2, 3]
    results.close()


def test_an_error_is_raised_in_its_items_place():
    results = map_in_order(lambda k: 1 // (2 - k), range(6), threads=2)
    assert next(results) == 0
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_one_thread_is_the_callers_own():
    assert list(map_in_order(lambda _: threading.get_ident(), [0], threads=1)) == [
        threading.get_ident()
    ]


def test_torch_has_one_thread_within_and_as_many_as_before_elsewhere():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        inside = list(map_in_order(lambda _: torch.get_num_threads(), range(4), threads=2))
        later = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert inside == [1, 1, 1, 1]
        assert (torch.get_num_threads(), later) == (2, [2])
    finally:
        torch.set_num_threads(before)


def test_closing_ends_the_threads():
    results = map_in_order(abs, range(100), threads=2)
    next(results)
    results.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("lift3d-find")]
