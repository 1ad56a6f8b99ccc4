# The common base where no image registry is reachable: Debian's C library and Node, nothing else. No shell, no package
# manager. The context is a folder that base.ts fills.
FROM scratch
COPY . /
ENV PATH=/usr/local/bin:/usr/bin:/bin
CMD ["node"]
