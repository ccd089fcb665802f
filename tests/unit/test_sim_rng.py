"""Random numbers and latencies: published values, seeds, bounds."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.sim_rng import RandomTwin, mix

from bot4._core.sim.latency import Latency
from bot4._core.sim.rng import Random


def test_the_generator_is_xoshiro256_starstar():
    # The first outputs for the state (1, 2, 3, 4), as the reference implementation gives them.
    twin = RandomTwin(0)
    twin.words = [1, 2, 3, 4]
    assert [twin.next() for _ in range(4)] == [11520, 0, 1509978240, 1215971899390074240]


def test_seeding_is_splitmix64():
    # The first outputs of splitmix64 for the state 0.
    assert [mix(0), mix(0x9E3779B97F4A7C15)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**64 - 1])
@pytest.mark.parametrize("stream", [0, 1, 999])
def test_every_number_equals_the_plain_python_generator(seed, stream):
    compiled, twin = Random(seed, stream), RandomTwin(seed, stream)
    assert [compiled.next() for _ in range(50)] == [twin.next() for _ in range(50)]
    out = np.zeros(50)
    compiled.fill_uniform(out)
    assert out.tolist() == [twin.uniform() for _ in range(50)]
    compiled.fill_normal(out)
    assert out.tolist() == [twin.normal() for _ in range(50)]
    compiled.fill_lognormal(out, 3.9, 0.3)
    assert out.tolist() == [twin.lognormal(3.9, 0.3) for _ in range(50)]
    for bound in (1, 2, 3, 10, 2**63 + 1, 2**64 - 1):
        assert [compiled.below(bound) for _ in range(20)] == [twin.below(bound) for _ in range(20)]


def test_seeds_and_streams_decide_the_numbers():
    def first(*arguments):
        return Random(*arguments).next()

    assert first(1) == first(1)
    assert len({first(seed, stream) for seed in range(20) for stream in range(20)}) == 400


def test_the_state_hash_follows_the_state():
    one, other = Random(3), Random(3)
    assert one.state_hash == other.state_hash
    one.fill_normal(np.zeros(1))
    assert one.state_hash != other.state_hash
    other.fill_normal(np.zeros(1))
    assert one.state_hash == other.state_hash


@pytest.mark.parametrize("bound", [0, -1, 2**64])
def test_a_bound_out_of_range_is_refused(bound):
    with pytest.raises(ValueError, match="bound must be 1 to 2"):
        Random(1).below(bound)


def test_latencies_are_those_of_the_plain_python_generator():
    assert Latency.zero().samples(seed=1, count=3) == [0, 0, 0]
    assert Latency.fixed(123).samples(seed=1, count=2) == [123, 123]
    twin = RandomTwin(9)
    expected = [twin.latency_ns(("lognormal", 3.9, 0.3)) for _ in range(100)]
    assert Latency.lognormal().samples(seed=9, count=100) == expected


def test_a_long_latency_is_cut_at_a_minute():
    assert set(Latency.lognormal(11.0, 0.5).samples(seed=1, count=200)) >= {60 * 10**9}
    assert max(Latency.lognormal(11.0, 500.0).samples(seed=1, count=200)) == 60 * 10**9


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Latency.fixed(-1),
        lambda: Latency.fixed(60 * 10**9 + 1),
        lambda: Latency.lognormal(float("nan")),
        lambda: Latency.lognormal(3.9, -0.1),
        lambda: Latency.lognormal(12.0),
        lambda: Latency.lognormal(3.9, float("inf")),
    ],
)
def test_a_latency_out_of_range_is_refused(broken):
    with pytest.raises(ValueError, match="must be"):
        broken()


def test_latencies_say_what_they_are():
    assert repr(Latency.zero()) == "Latency.zero()"
    assert repr(Latency.fixed(5)) == "Latency.fixed(5)"
    assert repr(Latency.lognormal()) == "Latency.lognormal(3.9, 0.3)"
