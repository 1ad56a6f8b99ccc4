# PostgreSQL where no image registry is reachable; takes settings, command and volume of the public image. The context
# is made by stores.ts.
ARG BASE
FROM ${BASE}
COPY root /
COPY --chown=65532:65532 data /var/lib/postgresql
USER 65532:65532
STOPSIGNAL SIGINT
ENTRYPOINT ["node", "/app/postgres.js"]
CMD ["postgres"]
