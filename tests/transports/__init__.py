"""Tests of the room `transports`: HTTP/2 without I/O, then gRPC over real channels."""
