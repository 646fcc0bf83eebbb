"""The GPU script runs to its end without a GPU, and a stage that fails ends no other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

for package in ("torch", "transformers", "triton"):
    pytest.importorskip(package, reason="the extra `kernels` is not installed")

# Dynamo tells that the framework's own recorder of outputs is touched, and no more.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(sys.platform != "linux", reason="kernels are built on Linux"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to build a kernel with"),
]
STAGES = ("machine", "plans", "compile", "candidates", "decode", "workloads", "sanitizer")


@pytest.fixture(autouse=True)
def _threads():
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Return a folder that keeps the captured plan."""
    return tmp_path_factory.mktemp("work")


def test_every_stage_goes_through_without_a_device(work, tmp_path, capsys):
    """Each stage is done and has rows; every step of the runtime says the framework's tokens."""
    from bench import gpu

    out = tmp_path / "gpu.json"
    arguments = ["--stages", ",".join(STAGES), "--models", "tiny-llama", "--rounds", "1"]
    assert gpu.main([*arguments, "--work", str(work), "--json", str(out)]) == 0
    told = json.loads(out.read_text("utf-8"))

    assert {name for name, state in told["states"].items() if state.startswith("done")} == {*STAGES}
    rows = told["rows"]
    steps = [row for row in rows["decode"] if "equal" in row]
    assert [row["equal"] for row in steps] == [24] * 8
    assert [row["step"] for row in steps[:2]] == ["kernels: the rest", "early launch"]
    assert min(row["kernels"] for row in steps[:2]) >= 2
    checked = [row for row in steps if row["kernels"]]
    assert [(row["forced"], row["same"], row["right"]) for row in checked] == [(23, 24, True)] * 4
    assert not [row for found in rows.values() for row in found if row["what"] == "failed"]
    right = [row for row in rows["candidates"] if row["what"] == "candidate"]
    assert right
    assert all(row["right"] and row["error"] < 1e-5 for row in right)
    assert "tiny-llama" in capsys.readouterr().out


def test_a_stage_that_fails_is_told_and_the_next_one_begins(tmp_path, monkeypatch, capsys):
    """Rows from before the failure are kept, and the reason stands in the table."""
    from bench import gpu
    from bench import gpu_machine

    def broken(setting):
        yield {"what": "copy", "gb_s": 1.0}
        raise RuntimeError("the device fell off the bus")

    monkeypatch.setattr(gpu_machine, "machine", broken)
    arguments = ["--stages", "machine,sanitizer", "--models", "", "--work", str(tmp_path)]
    monkeypatch.setattr(gpu, "TINY", {})
    assert gpu.main(arguments) == 0

    said = capsys.readouterr().out
    assert "failed after 0 s, 1 rows: RuntimeError: the device fell off the bus" in said
    assert "sanitizer   done" in said


def test_a_second_call_does_what_is_not_done_yet(tmp_path, monkeypatch, capsys):
    """Rows and tracebacks of the first call stand in its file; what failed is asked again."""
    from bench import gpu
    from bench import gpu_machine
    from bench import gpu_sanitizer

    asked = []

    def broken(setting):
        asked.append("machine")
        raise RuntimeError("the device fell off the bus")

    def done(setting):
        asked.append("sanitizer")
        yield {"what": "sanitizer", "tool": "memcheck", "said": "no errors"}

    monkeypatch.setattr(gpu_machine, "machine", broken)
    monkeypatch.setattr(gpu_sanitizer, "sanitizer", done)
    monkeypatch.setattr(gpu, "TINY", {})
    out = tmp_path / "gpu.json"
    arguments = ["--stages", "machine,sanitizer", "--json", str(out)]
    assert gpu.main(arguments) == 0
    told = json.loads(out.read_text("utf-8"))
    assert "in broken" in told["errors"]["machine"]
    assert gpu.main([*arguments, "--resume"]) == 0

    assert asked == ["machine", "sanitizer", "machine"]
    assert json.loads(out.read_text("utf-8"))["rows"]["sanitizer"] == told["rows"]["sanitizer"]
    assert "no errors" in capsys.readouterr().out.split("machine")[-1]


def test_an_end_of_the_whole_loses_no_stage_that_was_done(tmp_path, monkeypatch):
    """The file is whole after each stage, also where the next one takes the process with it."""
    from bench import gpu
    from bench import gpu_machine
    from bench import gpu_sanitizer

    def ended(setting):
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu_machine, "machine", lambda _: iter([{"what": "copy", "gb_s": 1.0}]))
    monkeypatch.setattr(gpu_sanitizer, "sanitizer", ended)
    monkeypatch.setattr(gpu, "TINY", {})
    out = tmp_path / "gpu.json"
    with pytest.raises(KeyboardInterrupt):
        gpu.main(["--stages", "machine,sanitizer", "--json", str(out)])

    assert json.loads(out.read_text("utf-8"))["rows"] == {
        "machine": [{"what": "copy", "gb_s": 1.0}]
    }


def test_a_stage_out_of_time_leaves_nothing_running(tmp_path):
    """Its process and those that it started end, and the state says that its time was up."""
    from bench import gpu

    mark = tmp_path / "mark"
    code = f"sleep 30 & echo $! > {mark}; wait"
    child = subprocess.Popen(["/bin/sh", "-c", code], process_group=0)
    while not (mark.is_file() and mark.read_text().strip()):
        time.sleep(0.01)

    assert gpu._ended(child, 0.0) is None
    for _ in range(200):
        if not Path(f"/proc/{mark.read_text().strip()}/cmdline").exists():
            break
        time.sleep(0.01)
    state = Path(f"/proc/{mark.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_candidate_that_spoils_the_device_is_skipped_by_the_next_try(work, monkeypatch):
    """The stage ends with it, and again it goes on behind it to a choice for every region."""
    from bench import gpu
    from bench import gpu_candidates
    from bench.gpu_setting import Setting

    setting = Setting(work=work, models=("tiny-llama",), most=2, rounds=1)
    (work / "candidates.jsonl").unlink(missing_ok=True)
    real, bad = gpu_candidates.Asked._one, []

    def one(self, candidate, told, own, slow):
        if self.region.name == "down_proj" and told.endswith("=8"):
            bad.append(told)
            raise RuntimeError("an illegal memory access")
        return real(self, candidate, told, own, slow)

    monkeypatch.setattr(gpu_candidates.Asked, "_one", one)
    monkeypatch.setattr(gpu_candidates, "_is_gone", lambda _: True)
    first, _ = gpu._run(setting, "candidates", 0.0)
    second, _ = gpu._run(setting, "candidates", 0.0, again=True)

    assert first.startswith("failed")
    assert "GoneError" in first
    assert second.startswith("done")
    assert len(bad) == 1
    chosen = {row["region"] for row in setting.rows("candidates") if row["what"] == "chosen"}
    assert chosen == {region.name for region in setting.plan("tiny-llama").regions}


@pytest.mark.parametrize(("count", "most"), [(1, 3), (5, 3), (12, 12), (64, 16), (7, 9)])
def test_the_first_candidates_lie_far_apart(count, most):
    """Each is taken once, the very first one first, and the second from the middle."""
    from bench.gpu_preparing import spread

    found = spread([*range(count)], most)

    assert len(found) == len({*found}) == min(count, most)
    assert found[0] == 0
    assert len(found) < 3 or abs(found[1] - count / 2) <= count / 4


def test_the_best_forms_of_the_framework_say_one_sequence(tmp_path):
    """The plain fast step and the static cache say the tokens of the framework's own loop."""
    import torch

    from bench.gpu_baselines import _Static
    from bench.gpu_setting import Setting
    from bench.gpu_simple import Simple

    setting = Setting(work=tmp_path, models=("tiny-qwen3",), most=1, rounds=1)
    prompt = setting.prompt("tiny-qwen3", 5)
    model, ids = setting.model("tiny-qwen3"), torch.tensor([prompt])
    facts = {"max_new_tokens": 8, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    expected = model.generate(ids, attention_mask=torch.ones_like(ids), **facts)[0, 5:].tolist()

    for kind in (Simple, _Static):
        with torch.no_grad():
            made, said = kind(model, ids, 16), []
            for _ in range(8):
                said.append(int(made.token))
                made.token.copy_(made.step(made.token, made.position))
                made.position.add_(1)
        assert said == expected


def test_the_floor_counts_what_a_step_reads(work):
    """Weights once, without the rows of the embedding, and keys and values up to the position."""
    from bench.gpu_setting import TINY
    from bench.gpu_setting import Setting
    from bench.gpu_setting import step_bytes

    setting = Setting(work=work, models=("tiny-llama",), most=1, rounds=1)
    plan = setting.plan("tiny-llama")
    hidden, wide, vocabulary = 64, 96, TINY["tiny-llama"]["vocab_size"]
    layer = hidden * (64 + 32 + 32) + 64 * hidden + 3 * hidden * wide + 2 * hidden
    weights = 2 * layer + hidden + vocabulary * hidden + 8  # and the angles' frequencies
    row = 2 * 2 * 2 * 16  # layers, keys and values, groups, size of a head

    assert step_bytes(plan, 9) == 4 * (weights + row * 10)
