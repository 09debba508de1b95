"""The RabbitMQ side: connections, publishing with confirms, and consuming."""
