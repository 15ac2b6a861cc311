# The service and its own Redpanda in one container, for one machine with one volume (fly.toml).
#
#   docker build -t gmn-data-store-ingestion .
#   docker run --rm -p 127.0.0.1:8080:8080 -e API_TOKEN=at-least-sixteen-characters -v gmn:/data gmn-data-store-ingestion
#
# This file was written without a Docker engine and has never been built. It is linted, and tests/redpanda/image.test.ts
# rehearses the steps after the base images. docs/deploy-fly.md says what to check at the first build.

# The same image as in compose.yaml (tests/redpanda/compose.test.ts). The digest is from a public report.
FROM docker.redpanda.com/redpandadata/redpanda:v26.2.4@sha256:c98c2f04a751e6646012cc701bac5183252cee44c88ba1dfa412e4c7124f2e89 AS redpanda

# Debian, not Alpine: Redpanda's start scripts need bash, PostgreSQL's programs need glibc. The digest could not be verified here.
FROM denoland/deno:2.9.6 AS base

FROM base AS application
WORKDIR /app
COPY deno.json deno.lock ./
COPY packages packages
# Installs the service's packages into node_modules, per the lock file. Development packages are in dev/packages.json, not copied here.
# Only the install scripts that deno.json allows are run: PostgreSQL's.
RUN deno install --frozen
COPY redpanda redpanda
COPY schemas schemas
COPY container container
COPY src src

FROM base
# tini reaps orphaned processes: PostgreSQL's postmaster is started in its own session.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
# To the same path: the path of Redpanda's loader is compiled into its programs.
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
  CMD ["deno", "run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env=HTTP_PORT,METRICS_PORT,ROLES", "src/commands/health_check.ts"]
STOPSIGNAL SIGTERM
# -s: also works when the platform runs its own init above it, as on Fly.io.
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/app/container/entrypoint.sh"]
