# PostgreSQL as Debian ships it, run by a numeric user in a pod. For the demo only: no password, see postgres-start.
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN mkdir -p /etc/postgresql-common \
 && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf \
 && apt-get update -q \
 && apt-get install -qy --no-install-recommends postgresql \
 && rm -rf /var/lib/apt/lists/* \
 && echo "mes:x:65532:65532::/data:/bin/sh" >> /etc/passwd
COPY examples/mes/postgres-start /usr/local/bin/postgres-start
RUN chmod 0755 /usr/local/bin/postgres-start
ENV PGDATA=/data/postgres
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/postgres-start"]
