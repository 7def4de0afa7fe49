import io
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from rich.console import Console

import jitkit as jk
from jitkit.demos import _rates, ring

FIRST_WAY = "queue.SimpleQueue, one by one"


def samples(numbers, values):
    block = np.zeros(len(numbers), ring.SAMPLE)
    block["number"], block["value"] = numbers, values
    return block


def reading(**seen):
    seen = {"made": 81.23e6, "taken": 81.2e6, "waiting": 16_384, "dropped": 0} | seen
    return _rates.Reading(seconds=3.01, capacity=65_536, mean=0.5, low=0.37, high=0.63, **seen)


def test_samples_are_numbered_and_make_a_wave():
    tx, rx = jk.ring.channel(ring.SAMPLE, 2 * ring.BLOCK, policy="block")
    stop, orders = jk.ring.channel(np.uint8, 1)
    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(ring.sense, tx, orders)
        assert rx.wait(60)
        stop.close()
        taken = []
        while rx.wait(60):
            taken.append(rx.peek(ring.BLOCK).copy())
            rx.release(len(taken[-1]))
    found = np.concatenate(taken)
    number = np.arange(made.result())
    assert made.result() >= ring.BLOCK
    assert found["number"].tolist() == number.tolist()
    np.testing.assert_allclose(found["value"], np.sin(ring.STEP * number) + 0.001 * (number % 256 - 128), atol=1e-12)


def test_no_orders_no_samples():
    tx, rx = jk.ring.channel(ring.SAMPLE, 16, policy="block")
    stop, orders = jk.ring.channel(np.uint8, 1)
    stop.close()
    assert ring.sense(tx, orders) == 0
    assert rx.closed


def test_what_watches_counts_what_is_out_of_order_and_reports_on_the_last_samples():
    tx, rx = jk.ring.channel(ring.SAMPLE, 16_384, policy="block")
    news, reports = jk.ring.channel(ring.REPORT, 64, policy="overwrite")
    window = jk.WindowBuffer(np.float64, ring.CAPACITY, rolling=ring.ROLLING)
    values = np.random.default_rng(7).normal(size=10_000)
    numbers = np.arange(10_000)
    numbers[5_000:] += 3  # a gap
    numbers[[7_000, 7_001]] = numbers[[7_001, 7_000]]  # out of order: it, the one before it, and the one behind
    tx.extend(samples(numbers, values))
    tx.close()
    assert ring.watch(rx, window, news) == 1 + 3
    news.close()
    *_, last = reports
    assert last["mean"] == pytest.approx(values[-ring.ROLLING :].mean(), abs=1e-12)
    assert (last["low"], last["high"]) == (values[-ring.ROLLING :].min(), values[-ring.ROLLING :].max())


@pytest.mark.parametrize("way", _rates.WAYS)
def test_every_way_brings_all_numbers_in_order(way):
    count, wrong, rate = _rates.pass_on(*_rates.WAYS[way], seconds=0.01)
    assert count % _rates.BATCH == 0
    assert wrong == 0
    assert rate > 0 or way == FIRST_WAY  # which may have stopped before it began


@pytest.mark.parametrize("way", _rates.WAYS)
def test_every_way_tells_wrong_numbers(way):
    take = _rates.WAYS[way][1]
    tx, rx = jk.ring.channel(np.int64, 8)
    tx.extend([0, 1, 7, 3])
    tx.close()
    if way == FIRST_WAY:
        rx = _rates.SimpleQueue()
        for item in (0, 1, 7, 3, -1):
            rx.put(item)
    assert take(rx) == 1


def test_python_and_jitkit_queue_the_same_numbers():
    x, out, _ = _rates.numbers(1000)
    queue = jk.RingBuffer(np.float32, 64)
    queue.extend(x[:32])
    _rates.queued(queue, x, out)
    assert out.tolist() == _rates.queued_python(x.tolist(), 32) == x[:32].tolist() + x[:-32].tolist()


@pytest.mark.parametrize("length", [1, 2, 64])
def test_python_numpy_and_jitkit_find_the_same_highest(length):
    x, out, _ = _rates.numbers(1000)
    by_numpy = np.zeros_like(x)
    _rates.highest(jk.WindowBuffer(np.float32, 64, rolling=length), x, out)
    _rates.highest_numpy(x, length, by_numpy)
    assert out.tolist() == by_numpy.tolist() == _rates.highest_python(x.tolist(), length)
    assert out.tolist() == [x[max(0, i + 1 - length) : i + 1].max() for i in range(1000)]


def test_a_curve_has_a_character_for_each_number():
    assert _rates.sparkline([-1.0, -0.5, 0.0, 0.5, 1.0, np.nan, -7.0, 7.0], _rates.LEVELS) == "▁▃▅▇█ ▁█"
    assert _rates.sparkline([-1.0, 0.99], _rates.ASCII_LEVELS) == "_#"


def test_a_reading_is_a_line():
    assert _rates.line(reading()) == " 3 s: in 81.2, out 81.2 million/s, 25% full, 0 dropped, +0.37 to +0.63"


def test_a_reading_is_a_picture():
    console = Console(width=80, file=io.StringIO())
    console.print(_rates.picture(reading(waiting=32_768, dropped=1_000), "▁█"))
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    assert lines[:2] == [["in", "81.2", "million/s"], ["out", "81.2", "million/s"]]
    assert lines[2][0] == "waiting"
    assert lines[2][1].count("━") + lines[2][1].count("╸") == 20  # half of 40
    assert lines[2][2:] == ["32,768", "of", "65,536"]
    assert lines[3:] == [
        ["dropped", "1,000"],
        ["rolling", "mean", "+0.50,", "from", "+0.37", "to", "+0.63"],
        ["the", "mean", "▁█"],
    ]


def test_a_terminal_gets_the_picture():
    tx, rx = jk.ring.channel(ring.SAMPLE, 16)
    news, reports = jk.ring.channel(ring.REPORT, 4)
    tx.extend(samples([0, 1], [0.0, 0.0]))
    news.push((0.25, -0.5, 0.75))
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    _rates.draw(console, 0.001, tx, rx, reports)
    assert "2 of 16" in console.file.getvalue()
    assert "mean +0.25, from -0.50 to +0.75" in console.file.getvalue()


def test_the_story(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert ring.main(["0.05"]) == 0
    story = capsys.readouterr().out
    assert " 0 s: in " in story
    made = story.partition("samples   ")[2].partition(" made")[0]
    assert int(made.replace(",", "")) >= ring.BLOCK
    assert f"samples   {made} made, {made} taken out, 0 dropped" in story
    assert "in order  all, by the number that each has" in story
    for way in _rates.WAYS:
        assert way in story
    assert len(re.findall(r"  all +[\d.]+ +[\d,.]+x", story)) == len(_rates.WAYS)
    assert "    tx, rx = jk.ring.channel(np.float64, 4096, policy=" in story
    assert max(map(len, story.splitlines())) <= 80


def test_the_program_has_12_lines_and_runs():
    assert len([line for line in ring.PROGRAM.splitlines() if line]) == 12
    python = [sys.executable, "-W", "error", "-c", ring.PROGRAM]
    done = subprocess.run(python, check=True, capture_output=True, text=True, timeout=120)
    assert float(done.stdout) == pytest.approx(np.sin(np.arange(1_000_000)).sum(), abs=1e-9)
    assert done.stderr == ""


@pytest.mark.parametrize("seconds", ["soon", "0", "-1", "nan", "inf"])
def test_seconds_that_are_none_are_refused(seconds, capsys):
    assert ring.main([seconds]) == 1
    assert capsys.readouterr() == ("", f"expected some seconds, up to an hour, got '{seconds}'\n")


def test_when_interrupted_both_kernels_end(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_rates, "draw", interrupted)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        ring.main(["60"])
    assert threading.active_count() == before


def test_an_end_is_closed_also_when_interrupted_again(monkeypatch):
    stop, orders = jk.ring.channel(np.uint8, 1)
    close, calls = jk.ring.Producer.close, []

    def interrupted(end):
        calls.append(end)
        if len(calls) == 1:
            raise KeyboardInterrupt
        close(end)

    monkeypatch.setattr(jk.ring.Producer, "close", interrupted)
    with pytest.raises(ZeroDivisionError), _rates.closing(stop):
        raise ZeroDivisionError
    assert orders.closed


def test_its_kernels_are_ready_to_be_timed():
    kernels = ring.kernels()
    assert [(kernel.name, kernel.nbytes) for kernel in kernels] == [
        ("queue, one by one", 4 * ring.COUNT),
        ("highest of 1,024", 4 * ring.COUNT),
    ]
    for kernel in kernels:
        kernel.jitkit()
