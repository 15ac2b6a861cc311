# The service with a Redpanda of its own, in one container: for one machine with one volume (fly.toml).
#
#   docker build -t gmn-data-store-ingestion .
#   docker run --rm -p 127.0.0.1:8080:8080 -e API_TOKEN=at-least-sixteen-characters -v gmn:/data gmn-data-store-ingestion
#
# None of this was ever built where it was written: there was no Docker engine. It is linted, and its steps after the base
# images are rehearsed by tests/redpanda/image.test.ts. docs/deploy-fly.md says what to look at at the first build.

# The same image as in compose.yaml (tests/redpanda/compose.test.ts). The digest was read in a public report.
FROM docker.redpanda.com/redpandadata/redpanda:v26.2.4@sha256:c98c2f04a751e6646012cc701bac5183252cee44c88ba1dfa412e4c7124f2e89 AS redpanda

# Debian, not Alpine: Redpanda's start scripts want bash, PostgreSQL's programs glibc. The digest could not be verified here.
FROM denoland/deno:2.9.6 AS base

FROM base AS application
WORKDIR /app
COPY deno.json deno.lock ./
COPY packages packages
# Into node_modules, as the lock file says: what the service runs on. Development packages are dev/packages.json's, which is not here.
# The install scripts that run are those that deno.json allows: PostgreSQL's.
RUN deno install --frozen
COPY redpanda redpanda
COPY schemas schemas
COPY container container
COPY src src

FROM base
# tini reaps what loses its parent: PostgreSQL's postmaster is started in a session of its own.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
# To the same place: the path of Redpanda's loader is built in to its programs.
COPY --from=redpanda /opt/redpanda /opt/redpanda
COPY --from=application /app /app
WORKDIR /app
ENV DATA_DIR=/data \
  HTTP_HOST=0.0.0.0 \
  HTTP_PORT=8080 \
  LOG_FORMAT=json \
  DENO_NO_UPDATE_CHECK=1
RUN install --directory --owner=deno --group=deno /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=180s --retries=4 \
  CMD ["deno", "run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env=HTTP_PORT", "src/commands/health_check.ts"]
STOPSIGNAL SIGTERM
# -s: also where the platform has an init of its own above it, as on Fly.io.
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/app/container/entrypoint.sh"]
