"""OpenTelemetry for applications: `App("shop", interceptors=[otel.Tracing()])`.

Needs the extra `polyrhythm[otel]`; the program sets a tracer provider up as for any other library.
"""

try:
    from polyrhythm.sdk.otel.tracing import Tracing
except ModuleNotFoundError as error:
    if error.name is None or not error.name.startswith("opentelemetry"):
        raise
    raise ImportError(
        "polyrhythm.otel needs OpenTelemetry: pip install polyrhythm[otel]"
    ) from error

__all__ = ["Tracing"]
