# Redis where no image registry is reachable; takes the command of the public image. The context is made by stores.ts.
ARG BASE
FROM ${BASE}
COPY root /
COPY --chown=65532:65532 data /data
WORKDIR /data
USER 65532:65532
CMD ["redis-server"]
