"""Alone means alone, and who wants to be alone gets his turn."""

import threading
import time

from workers.gate import Gate


def test_nobody_is_inside_with_one_who_is_alone() -> None:
    gate, inside, most = Gate(), [0, 0], [0, 0]
    lock = threading.Lock()

    def visit(kind: int) -> None:
        for _ in range(50):
            with gate.alone() if kind else gate.shared():
                with lock:
                    inside[kind] += 1
                    most[kind] = max(most[kind], inside[kind])
                    assert not (inside[0] and inside[1])
                time.sleep(0.0005)
                with lock:
                    inside[kind] -= 1

    faults: list[AssertionError] = []

    def run(kind: int) -> None:
        try:
            visit(kind)
        except AssertionError as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(int(index < 2),)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert most[1] == 1
    assert most[0] > 1


def test_a_busy_gate_lets_the_lonely_in() -> None:
    gate, stop, alone = Gate(), threading.Event(), threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            with gate.shared():
                time.sleep(0.002)

    def be_alone() -> None:
        with gate.alone():
            alone.set()

    busy = [threading.Thread(target=keep_busy) for _ in range(4)]
    for thread in busy:
        thread.start()
    lonely = threading.Thread(target=be_alone)
    lonely.start()
    lonely.join()
    stop.set()
    for thread in busy:
        thread.join()
    assert alone.is_set()


def test_who_wants_to_be_alone_waits_for_those_inside() -> None:
    gate, order = Gate(), []

    def be_alone() -> None:
        with gate.alone():
            order.append("alone")

    with gate.shared():
        lonely = threading.Thread(target=be_alone)
        lonely.start()
        lonely.join(0.2)
        order.append("shared")
    lonely.join()
    assert order == ["shared", "alone"]
