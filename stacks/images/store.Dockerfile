# PostgreSQL or Redis where no image registry is reachable; behaves as the public images do, see stores.ts.
ARG BASE
FROM ${BASE}
COPY root /
COPY --chown=65532:65532 data /var/lib
USER 65532:65532
STOPSIGNAL SIGINT
