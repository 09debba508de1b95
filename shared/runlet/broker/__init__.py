"""The RabbitMQ side: topology, messages on the wire, publishing and consuming."""
