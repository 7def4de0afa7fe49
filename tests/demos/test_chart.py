from xml.etree import ElementTree as ET

import pytest

import jitkit as jk
from jitkit.demos import _chart
from jitkit.demos._timing import Kernel, Timing

pytest.importorskip("matplotlib")


def timing(name, **seconds):
    return Timing(Kernel(name=name, nbytes=8_000_000, jitkit=int, numpy=int, python=int), seconds)


TIMINGS = [timing("quick", jitkit=1.0, python=345.0, numpy=2.5), timing("slow", jitkit=1.0, python=20.0, numpy=0.8)]


def texts(path):
    """What a reader of the image sees; parsing it also proves that it is well-formed."""
    root = ET.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return ["".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_chart_has_a_label_for_every_bar(tmp_path):
    path = tmp_path / "speed.svg"
    _chart.draw(TIMINGS, "Speedups", path)
    assert {"Speedups", "345x over pure Python", "2.5x over NumPy", "20x over pure Python"} <= set(texts(path))
    assert "0.80x over NumPy: slower" in texts(path)
    assert any("quick" in text for text in texts(path))


def test_a_package_in_the_place_of_numpy_is_named(tmp_path):
    path = tmp_path / "speed.svg"
    kernel = Kernel(name="decode", nbytes=8_000_000, jitkit=int, numpy=int, python=int, peer="pyulog")
    _chart.draw([Timing(kernel, {"jitkit": 1.0, "python": 50.0, "numpy": 8.0})], "Speedups", path)
    assert "8.0x over pyulog" in texts(path)
    assert not any("NumPy" in text for text in texts(path))


def test_a_kernel_without_numpy_has_one_bar(tmp_path):
    path = tmp_path / "speed.svg"
    _chart.draw([timing("alone", jitkit=1.0, python=50.0)], "Speedups", path)
    assert not any("NumPy" in text for text in texts(path))


def test_the_same_figures_make_the_same_file(tmp_path):
    for name in ("one.svg", "two.svg"):
        _chart.draw(TIMINGS, "Speedups", tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_it_draws_png_too(tmp_path):
    _chart.draw(TIMINGS, "Speedups", tmp_path / "speed.png")
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_that_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(jk.JitkitError, match=r"ends in .*\.svg.*got '.*speed\.txt'"):
        _chart.check(tmp_path / "speed.txt")
    with pytest.raises(jk.JitkitError, match="in a directory that exists"):
        _chart.check(tmp_path / "absent" / "speed.svg")
