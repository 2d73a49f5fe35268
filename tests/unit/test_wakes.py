"""Never more wakes on their way than slots, and none that matters is missed."""

from pipeline.ledger import Queue
from workers.wakes import Wakes


def test_no_more_wakes_than_free_slots() -> None:
    sent: list[Queue] = []
    wakes = Wakes({Queue.READ: 2}, sent.append)
    for _ in range(5):
        wakes.wake("read")
    wakes.wake("deliver")  # nobody here answers those
    assert sent == [Queue.READ, Queue.READ]
    assert wakes.idle(Queue.READ) == 0
    assert wakes.idle(Queue.DELIVER) == 0


def test_a_wake_that_found_no_slot_makes_somebody_look_again() -> None:
    looks: list[str] = []
    wakes = Wakes({Queue.READ: 1}, lambda queue: None)

    def drain(queue: Queue) -> int:
        looks.append(queue)
        if len(looks) == 1:
            wakes.wake("read")  # new work, just after this slot found none
        return 0

    wakes.wake("read")
    wakes.answer("read", drain)
    assert len(looks) == 2
    assert wakes.resting()
    assert wakes.idle(Queue.READ) == 1


def test_a_wake_too_many_finds_its_slot_taken() -> None:
    wakes, looks = Wakes({Queue.READ: 1}, lambda queue: None), []

    def drain(queue: Queue) -> int:
        looks.append(queue)
        wakes.answer("read", drain)
        return 0

    wakes.answer("read", drain)
    assert looks == [Queue.READ]


def test_a_slot_is_free_again_after_an_error() -> None:
    wakes = Wakes({Queue.READ: 1}, lambda queue: None)

    def drain(queue: Queue) -> int:
        raise KeyError(queue)

    wakes.wake("read")
    try:
        wakes.answer("read", drain)
    except KeyError:
        assert wakes.idle(Queue.READ) == 1
    else:
        raise AssertionError
