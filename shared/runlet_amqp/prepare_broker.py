"""Prepares a broker for this version: policies, topology, and queues of an older version.

`python -m runlet_amqp.prepare_broker POLICIES`, before the services start, with the settings that
they have; POLICIES is deploy/rabbitmq/policies.json or an operator's own. It may be run at any
time and again after it broke off; what is as it should be already stays.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import structlog

from runlet import config
from runlet.languages import offered
from runlet.lifecycle import StopSignal
from runlet.backoff import retry_until_stopped
from runlet_amqp import policies
from runlet_amqp.connection import connect
from runlet_amqp.declaration import create_topology
from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError
from runlet_amqp.management import Management
from runlet_amqp.policies import Policy
from runlet_amqp.queue_migration import QueueMigration
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry import logs

log = structlog.get_logger()

NAME = "prepare-broker"
MANAGEMENT_PORT = 15672
