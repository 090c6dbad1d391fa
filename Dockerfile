# poly dev in a container: one process, one SQLite file under /data.
FROM python:3.11-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/polyrhythm \
    && /opt/polyrhythm/bin/pip install --no-cache-dir .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home polyrhythm \
    && mkdir /data && chown polyrhythm /data
COPY --from=build /opt/polyrhythm /opt/polyrhythm
ENV PATH=/opt/polyrhythm/bin:$PATH PYTHONUNBUFFERED=1
USER polyrhythm
VOLUME /data
EXPOSE 7233 8233
# The standard gRPC health service, asked over the port that workers use.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["python", "-c", "\
import grpc; from grpc_health.v1 import health_pb2 as m, health_pb2_grpc as s; \
r = s.HealthStub(grpc.insecure_channel('127.0.0.1:7233')).Check(m.HealthCheckRequest(), timeout=2); \
raise SystemExit(r.status != m.HealthCheckResponse.SERVING)"]
# SIGTERM drains: calls in flight are answered before the process ends.
STOPSIGNAL SIGTERM
# --insecure: what is published of the container's own network decides who gets in; see docs/access.md.
CMD ["poly", "dev", "--ip", "0.0.0.0", "--insecure", "--db-filename", "/data/polyrhythm.db"]
