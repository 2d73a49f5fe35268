"""Connections that are kept open answer without delay."""

import time

import httpx

from tests.e2e.conftest import Running


def test_answers_on_a_kept_connection_wait_for_no_acknowledgement(running: Running) -> None:
    with httpx.Client(base_url=running.url) as http:
        taken = []
        for _ in range(20):
            started = time.perf_counter()
            assert http.get("/healthz").status_code == 200
            taken.append(time.perf_counter() - started)
    assert min(taken[1:]) < 0.03, "40 ms each: Nagle's algorithm is on"
