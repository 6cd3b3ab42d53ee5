"""The GPU's bench, from end to end on a CPU, and its meter with a driver that tells known figures."""

import time
from pathlib import Path

import pytest

from bench import gpu
from bench.gpu_meter import GpuMeter


def test_the_bench_runs_from_end_to_end_without_a_gpu(tmp_path: Path) -> None:
    few = ("--short", "2", "--long", "0", "--batches", "2")
    gpu.main(["--device", "cpu", "--shape", "tiny", "--speech", str(tmp_path), "--output", str(tmp_path), *few])
    table = (tmp_path / "gpu.md").read_text("utf-8")
    rows = [line.split("|") for line in table.splitlines() if line.startswith(("| watcherd", "| pipeline"))]
    assert [row[1].strip() for row in rows] == ["watcherd", "pipeline, batch 2"]
    assert all(float(row[3]) > 0 for row in rows)
    assert "Random weights of the shape of tiny, float32, on cpu" in table


def test_the_meter_reads_what_the_driver_of_nvidia_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho '0, 1000'\necho '[N/A], 5'\necho '50, 3000'\necho '100, 2000'\nexec tail -f /dev/null\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with GpuMeter(tmp_path) as meter:
        wait_for_samples(meter, 3)
    assert (meter.waiting, meter.peak_mib) == (0.5, 3000)


def test_the_meter_reads_what_the_driver_of_amd_keeps_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    card = tmp_path / "card1" / "device"
    card.mkdir(parents=True)
    (card / "gpu_busy_percent").write_text("75\n")
    (card / "mem_info_vram_used").write_text(f"{512 * 2**20}\n")
    with GpuMeter(tmp_path) as meter:
        wait_for_samples(meter, 1)
    assert (meter.waiting, meter.peak_mib) == (0.25, 512)


def test_without_a_gpu_the_meter_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with GpuMeter(tmp_path) as meter:
        pass
    assert (meter.waiting, meter.peak_mib) == (None, None)


def wait_for_samples(meter: GpuMeter, count: int) -> None:
    while len(meter._samples) < count:
        time.sleep(0.001)
