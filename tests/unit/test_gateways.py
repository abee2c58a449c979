"""What gateways promise: one user at a time, the credentials of now, and none open when nobody needs it."""

from __future__ import annotations

import threading

import pytest

from poslogs.platformos.environments import Environment
from poslogs.platformos.gateway import GatewayError
from poslogs.streaming.gateways import Gateways
from tests.unit.doubles import PATIENCE, STAGING, Log, down


def test_a_gateway_is_used_again_while_anybody_keeps_them() -> None:
    """Three questions one after another use one gateway. The last user that leaves closes it."""
    log = Log(1)
    gateways = Gateways(STAGING, log.open_gateway, 4)
    with gateways.kept():
        with gateways.kept():
            for _ in range(3):
                with gateways.lent() as gateway:
                    gateway.after(0)
        assert (log.opened, log.closed) == (1, 0)
        with gateways.lent():
            pass
    assert (log.opened, log.closed) == (1, 1)


def test_without_a_user_each_closes_after_its_question() -> None:
    """There may be no further question."""
    log = Log(1)
    gateways = Gateways(STAGING, log.open_gateway, 4)
    for count in (1, 2):
        with gateways.lent():
            assert log.opened == count
        assert log.closed == count


def test_nobody_is_lent_what_another_uses_and_few_stay_open() -> None:
    """Ten questions at once take ten gateways, of which two stay for later ones."""
    log = Log(1)
    gateways = Gateways(STAGING, log.open_gateway, 2)

    def ask() -> None:
        with gateways.lent() as gateway:
            gateway.after(0)

    with gateways.kept():
        with log.hold():
            threads = [threading.Thread(target=ask, daemon=True) for _ in range(10)]
            for thread in threads:
                thread.start()
            log.wait(lambda log: len(log.asked) == 10)
        for thread in threads:
            thread.join(PATIENCE)
        assert (log.opened, log.closed) == (10, 8)
    assert log.closed == 10


def test_what_is_configured_under_another_address_is_no_renewal() -> None:
    """Its log is another one: the refusal stands, and so it does where the same credentials are found."""
    log = Log(1)
    log.failure = down("No.", refused=True)
    elsewhere = Environment("staging", "https://elsewhere.example.com", "me@example.com", "another-token")
    for found in (elsewhere, STAGING, None):
        gateways = Gateways(STAGING, log.open_gateway, 4, lambda _, found=found: found)
        with pytest.raises(GatewayError):
            gateways.asked(lambda gateway: gateway.after(0))
        assert gateways.environment is STAGING


def test_other_credentials_take_another_gateway() -> None:
    """After a token is renewed gateways with the old one are closed, lent or spare."""
    log = Log(1)
    opened: list[Environment] = []
    gateways = Gateways(STAGING, lambda env: opened.append(env) or log.open_gateway(env), 4)
    renewed = Environment("staging", STAGING.url, "me@example.com", "another-token")
    with gateways.kept():
        with gateways.lent():
            pass
        with gateways.lent():
            gateways.environment = renewed
        assert log.closed == 1
        with gateways.lent():
            pass
    assert opened == [STAGING, renewed]
    assert log.closed == 2
