# Stands in for coturn/coturn; the server is Debian's.
FROM localhost/parlour-test/base
RUN apt-get update -q && apt-get install -y -q --no-install-recommends coturn && rm -rf /var/lib/apt/lists/*
USER nobody:nogroup
ENTRYPOINT ["turnserver"]
