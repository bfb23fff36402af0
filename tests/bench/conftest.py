import bench_toys
import pytest


@pytest.fixture(autouse=True)
def _forget_what_toys_saw():
    bench_toys.HANDED.clear()
    bench_toys.SEEDS.clear()
    bench_toys.Interrupts.calls = 3
