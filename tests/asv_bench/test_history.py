import json
import re
import xml.etree.ElementTree as ET

import history
import pytest

SVG = "{http://www.w3.org/2000/svg}"
COMMITS = ["a" * 40, "b" * 40, "c" * 40]


@pytest.fixture
def kernels():
    return {
        "records.pack": {1_000: dict(zip(COMMITS, [80.0, 40.0, 84.5], strict=True))},
        "<new>": {1_000: {COMMITS[2]: 12.0}, 100_000: {COMMITS[0]: 1_500.0, COMMITS[2]: 3_000.0}},
    }


def parsed(svg):
    return ET.fromstring(svg)


def texts(svg):
    return [element.text for element in parsed(svg).iter(f"{SVG}text")]


def test_shows_every_kernel_with_its_latest_value(kernels):
    shown = texts(history.draw({"some-processor": kernels}, COMMITS))
    assert any(text.startswith("some-processor.") for text in shown)
    for expected in ("records.pack", "84x", "<new>", "12x", "3,000x", "aaaaaaaa", "cccccccc"):
        assert expected in shown


def test_every_figure_is_a_dot_that_names_its_commit(kernels):
    dots = [dot.find(f"{SVG}title").text for dot in parsed(history.draw({"m": kernels}, COMMITS)).iter(f"{SVG}circle")]
    assert len(dots) == 6
    assert "bbbbbbbb, 1,000 elements: 40.0x" in dots


def test_lines_join_neighbours_only(kernels):
    svg = parsed(history.draw({"m": kernels}, COMMITS))
    assert len([line for line in svg.iter(f"{SVG}line") if line.get("class") == "line"]) == 2  # the gap has none


def test_a_slowdown_goes_down(kernels):
    svg = parsed(history.draw({"m": {"records.pack": kernels["records.pack"]}}, COMMITS))
    height = {dot.find(f"{SVG}title").text[:8]: float(dot.get("cy")) for dot in svg.iter(f"{SVG}circle")}
    assert height["b" * 8] > height["a" * 8] > height["c" * 8]  # y grows downwards


def test_needs_no_network(kernels):
    svg = history.draw({"m": kernels}, COMMITS)
    assert re.findall(r"https?://[^\"']+", svg) == ["http://www.w3.org/2000/svg"]  # a name, not an address
    assert "href" not in svg
    assert "script" not in svg


def test_figures_of_other_commits_are_left_out(kernels):
    shown = texts(history.draw({"m": kernels}, COMMITS[:2]))
    assert "40x" in shown
    assert "12x" not in shown


def test_one_commit_is_enough(kernels):
    assert "80x" in texts(history.draw({"m": kernels}, COMMITS[:1]))


def test_reads_result_files_by_machine(tmp_path):
    result = {
        "commit_hash": COMMITS[0],
        "params": {"machine": "some-processor"},
        "result_columns": ["result", "params"],
        "results": {"speedup.Speedup.track_speedup": [[80.0, None], [["'records.pack'"], ["1000", "100000"]]]},
    }
    (tmp_path / "some-processor").mkdir()
    (tmp_path / "some-processor" / "aaaaaaaa-existing-py3.11.json").write_text(json.dumps(result))
    (tmp_path / "some-processor" / "machine.json").write_text("{}")
    assert history.read_results(tmp_path) == {"some-processor": {"records.pack": {1_000: {COMMITS[0]: 80.0}}}}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(8.0, 110.0, [10, 20, 50, 100]), (0.9, 2_000.0, [1, 10, 100, 1_000]), (0.3, 1.2, [0.5, 1])],
)
def test_scale_has_round_marks(low, high, expected):
    assert history.ticks(low, high) == pytest.approx(expected)
