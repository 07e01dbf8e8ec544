"""The benchmark: every product completes a sign-in, and the sums are correct."""

from pathlib import Path

from tests.bench import load, providers, report
from tests.bench.__main__ import segments
from tests.bench.servers import running
from tests.bench.signing import Key, verified


def results(**more: float) -> report.Results:
    """Results in which npm oidc-provider needs 3.2 ms, twice what it needs on the machine of the targets."""
    steps = {"(refresh)": 0.4, "pushed request": 0.2, "userinfo": 0.1, "page: picker": 0.1, "(discovery)": 0.05}
    costs = {"portico, oidc": 3.0, "portico, fapi2": 6.0, "floor": 1.0, "npm oidc-provider": 3.2, **more}
    products = [report.Product(name, "", [cpu], 100.0, 0.5, 0, steps) for name, cpu in costs.items()]
    return report.Results(1, 0.1, products, 90.0, {0.5: 12.0}, {"plain": 0.4})


async def test_each_product_completes_a_sign_in_with_measured_requests(tmp_path: Path) -> None:
    with running(tmp_path) as servers:
        read = {server.product.name: await segments(server, load.AT_ONCE) for server in servers}
    assert set(read) == {"portico, oidc", "portico, fapi2", "floor", "npm oidc-provider"}
    for name, costs in read.items():
        assert all(cost > 0 for cost in costs.values()), name
    assert {"(refresh)", "(discovery)"} <= read["portico, oidc"].keys()


def test_a_figure_is_held_against_its_target_as_it_would_be_on_the_machine_of_the_targets() -> None:
    lines = {line[:46].strip(): line for line in report.text(results()).splitlines()}
    first = lines["sign-in, oidc, PAR, private_key_jwt, bearer"]
    assert first.split()[-5:] == ["3.00", "1.50", "1.50", "2.20", "ms"]
    assert lines["sign-in, fapi2, DPoP"].endswith("MISSED")
    assert lines["the first, as a ratio to npm oidc-provider"].split()[-4:] == ["0.94", "0.95", "1.40", "x"]
    assert lines["memory of a worker"].endswith("above the target")


def test_figures_with_a_busy_driver_are_not_sound() -> None:
    fine = results()
    assert fine.sound
    busy = report.Product("floor", "", [1.0], 1.0, 0.71, 0, {})
    assert not report.Results(1, 0.1, [*fine.products, busy], 90.0, {}, {}).sound


async def test_a_provider_is_measured_by_what_it_demands() -> None:
    costs = {kind: await providers.cost(kind, count=5, warm=1) for kind in providers.KINDS}
    assert set(costs) == {"plain", "PAR, DPoP, nested token"}
    assert all(cost > 0 for cost in costs.values())
    told = report.text(report.Results(1, 0.1, results().products, 90.0, {}, costs))
    assert f"{costs['plain']:.3f}" in told


def test_what_the_driver_signs_can_be_verified() -> None:
    key = Key()
    token = key.sign(key.head(kid=key.thumbprint), {"sub": "someone"})
    assert verified(token, key.private.public_key()) == {"sub": "someone"}
