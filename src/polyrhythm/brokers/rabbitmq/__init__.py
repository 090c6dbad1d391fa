"""Machinery's queues and results on RabbitMQ, as its Go driver declares and reads them.

The extra `rabbitmq` has the client. Nothing outside of this folder imports it.
"""
