"""Measure commits with asv and keep the results: one worktree per commit, this environment, no network.

    python asv_bench/measure.py                    # HEAD
    python asv_bench/measure.py v0.1.0..HEAD       # a range, oldest first

Results go to asv_bench/results/, in asv's format, under the processor's model. The benchmarks are those of this
checkout for all commits; a commit that lacks a kernel has no figure for it.
"""

import argparse
import json
import os
import platform
import re
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


class MeasureError(Exception):
    """A revision that this checkout does not have, or a run of asv that gave no results."""


def git(*args: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(HERE), *args], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise MeasureError("git is not installed") from None
    if done.returncode:
        raise MeasureError(f"git {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout.strip()


def commit_of(revision: str) -> str:
    return git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")


def has_suite(commit: str) -> bool:
    return bool(git("ls-tree", "--full-tree", commit, "asv_bench/benchmarks/"))


@contextmanager
def worktree(commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="jitkit-bench-") as scratch:
        tree = Path(scratch, "tree")
        git("worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def run_asv(commit: str, results: Path, bench: str, only: Iterable[str] = ()) -> dict[str, Any]:
    """What asv found for `commit`, as in its result file, which is left in `results`.

    `bench` is asv's regular expression for benchmarks. `only` narrows ``Speedup`` to kernels, or to one size of a
    kernel as in ``"records.pack n=1000"``.
    """
    machine = machine_information()
    with worktree(commit) as tree:
        # asv keeps a list of machines in the home directory, and would take the host's name from there.
        home = tree.parent / "home"
        home.mkdir()
        (home / ".asv-machine.json").write_text(json.dumps({machine["machine"]: machine, "version": 1}))
        config = json.loads((HERE / "asv.conf.json").read_text())
        config |= {"repo": str(HERE.parent), "benchmark_dir": str(HERE / "benchmarks"), "results_dir": str(results)}
        (home / "asv.conf.json").write_text(json.dumps(config))
        environment = os.environ | {
            "HOME": str(home),
            "GIT_CONFIG_GLOBAL": os.environ.get("GIT_CONFIG_GLOBAL", str(Path.home() / ".gitconfig")),
            "PYTHONUSERBASE": site.getuserbase(),
            # The first is for asv's own processes, the second for those that `timeraw_` benchmarks start.
            "ASV_PYTHONPATH": str(tree),
            "PYTHONPATH": str(tree),
            # Nothing compiled for another commit may be found, and nothing may differ between two runs of one commit.
            "NUMBA_CACHE_DIR": str(home / "numba"),
            "JITKIT_CACHE_DIR": str(home / "jitkit"),
            "NUMBA_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            "JITKIT_BENCH_ONLY": json.dumps(list(only)),
        }
        # With asv's default, `spawn`, every figure starts a Python and imports numba: 170 s instead of 34 s.
        command = [sys.executable, "-m", "asv", "run", "--config", str(home / "asv.conf.json"), "--show-stderr"]
        command += ["--environment", "existing:same", "--launch-method", "forkserver", "--bench", bench]
        command += ["--set-commit-hash", commit, "--machine", machine["machine"]]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = list(results.glob(f"{machine['machine']}/{commit[:8]}-*.json"))
    if not found:
        raise MeasureError(f"no results of {commit[:8]} from asv:\n{done.stdout}{done.stderr}")
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)  # a benchmark failed; the others have figures
    return json.loads(found[0].read_text())


def figures(result: dict[str, Any], benchmark: str) -> dict[tuple[str, int], float]:
    """Figures of one benchmark of ``Speedup`` by kernel and size, without those that are missing."""
    row = dict(zip(result["result_columns"], result["results"].get(f"speedup.Speedup.{benchmark}", []), strict=False))
    values = row.get("result") or []
    # asv writes a parameter as its repr.
    keys = [(kernel.strip("'\""), int(n)) for kernel, n in product(*row.get("params", ([], [])))]
    return {key: value for key, value in zip(keys, values, strict=False) if value is not None and value == value}


def machine_information() -> dict[str, str]:
    """What asv wants to know of a machine. Its name is the processor's model, never the host's."""
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (model := re.search(r"model name\s*: (.+)", cpuinfo.read_text())):
        cpu = model[1].strip()
    return {
        "machine": re.sub(r"[^a-z0-9]+", "-", cpu.lower()).strip("-"),
        "cpu": cpu,
        "num_cpu": str(os.cpu_count()),
        "arch": platform.machine(),
        "os": platform.system(),
        "ram": "",
    }


def record(commit: str) -> Path:
    """Measure everything at `commit` and put the result file among those that are committed."""
    with tempfile.TemporaryDirectory(prefix="jitkit-results-") as scratch:
        result = run_asv(commit, Path(scratch), bench=".")
    # For an existing environment, asv's names contain the path of its Python.
    result["python"] = f"{sys.version_info.major}.{sys.version_info.minor}"
    result["env_name"] = f"existing-py{result['python']}"
    result["params"] |= {"python": result["python"], "numba": version("numba"), "numpy": version("numpy")}
    path = RESULTS / result["params"]["machine"] / f"{commit[:8]}-{result['env_name']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result) + "\n")
    return path


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("revisions", nargs="*", default=["HEAD"], help="commits, or ranges as git writes them")
    cli.add_argument("--again", action="store_true", help="also commits that have results")
    args = cli.parse_args()
    machine = machine_information()["machine"]
    try:
        ranges = [name if ".." in name else f"{name}^!" for name in args.revisions]
        for commit in git("rev-list", "--reverse", *ranges).split():
            if not has_suite(commit):
                print(f"{commit[:8]} skipped: it has no benchmark suite")
            elif not args.again and list(RESULTS.glob(f"{machine}/{commit[:8]}-*.json")):
                print(f"{commit[:8]} skipped: it has results (--again measures it once more)")
            else:
                print(record(commit).relative_to(HERE.parent))
    except MeasureError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
