"""Fixtures for the tests of what others build against."""

from support.broker.vhosts import amqp_url

__all__ = ["amqp_url"]
