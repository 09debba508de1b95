"""Fixtures for tests against real servers."""

from support.broker.vhosts import amqp_url

__all__ = ["amqp_url"]
