import threading

from watcherd.engine.queue import FairQueue


def test_windows_of_all_recordings_are_taken_in_turn() -> None:
    queue: FairQueue[str] = FairQueue(depth=10)
    for job in (1, 2):
        queue.open(job)
    for window in ("long 1", "long 2", "long 3"):
        queue.put(1, window)
    queue.put(2, "memo")

    assert queue.take(3) == [(1, "long 1"), (2, "memo"), (1, "long 2")]
    assert queue.take(3) == [(1, "long 3")]
    assert queue.take(3) == []


def test_a_recording_that_was_served_last_comes_first_the_next_time() -> None:
    queue: FairQueue[str] = FairQueue(depth=10)
    for job, letter in ((1, "a"), (2, "b"), (3, "c")):
        queue.open(job)
        queue.put(job, f"{letter}1")
        queue.put(job, f"{letter}2")

    assert [window for _, window in queue.take(2)] == ["a1", "b1"]
    assert [window for _, window in queue.take(2)] == ["c1", "a2"]


def test_a_decoder_waits_for_room_and_goes_on_when_a_window_is_taken() -> None:
    queue: FairQueue[int] = FairQueue(depth=1)
    queue.open(1)
    queue.put(1, 0)
    second_is_in = threading.Event()

    def decode() -> None:
        queue.put(1, 1)
        second_is_in.set()

    threading.Thread(target=decode).start()
    assert not second_is_in.is_set()
    assert queue.take(1) == [(1, 0)]
    assert second_is_in.wait(10)
    assert queue.take(1) == [(1, 1)]


def test_a_decoder_that_waits_hears_of_the_end_of_its_recording() -> None:
    queue: FairQueue[int] = FairQueue(depth=1)
    queue.open(1)
    queue.put(1, 0)
    answers: list[bool] = []
    decoder = threading.Thread(target=lambda: answers.append(queue.put(1, 1)))
    decoder.start()

    queue.close(1)

    decoder.join(10)
    assert answers == [False]
    assert not queue.waiting()


def test_parts_that_are_put_back_come_before_the_recordings_other_windows_and_need_no_room() -> None:
    queue: FairQueue[str] = FairQueue(depth=1)
    queue.open(1)
    queue.put(1, "next")

    queue.put_back(1, ["first half", "second half"])

    assert [window for _, window in queue.take(9)] == ["first half", "second half", "next"]


def test_a_batch_is_filled_by_a_decoder_that_has_more() -> None:
    queue: FairQueue[int] = FairQueue(depth=8)
    queue.open(1)
    queue.put(1, 0)
    decoder = threading.Thread(target=lambda: [queue.put(1, window) for window in (1, 2)])
    decoder.start()

    queue.fill(3, at_most_s=60)

    assert [window for _, window in queue.take(3)] == [0, 1, 2]
    decoder.join(10)


def test_nobody_waits_for_decoders_that_have_ended_wait_or_have_no_room() -> None:
    queue: FairQueue[int] = FairQueue(depth=1)
    for job in (1, 2, 3):
        queue.open(job)
    queue.put(1, 0)  # no room
    queue.feed(2, on=False)  # has ended, or waits for its language
    queue.close(3)
    filled = threading.Thread(target=queue.fill, args=(8, 60), daemon=True)
    filled.start()
    filled.join(10)
    assert not filled.is_alive()
