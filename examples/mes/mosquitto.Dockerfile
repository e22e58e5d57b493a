# mosquitto as Debian ships it; its configuration comes from a ConfigMap.
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update -q \
 && apt-get install -qy --no-install-recommends mosquitto \
 && rm -rf /var/lib/apt/lists/*
USER 65532:65532
ENTRYPOINT ["/usr/sbin/mosquitto", "-c", "/etc/mosquitto/mosquitto.conf"]
