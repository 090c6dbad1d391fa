"""Server side of the wire, one folder a transport: bytes to service calls and back."""
