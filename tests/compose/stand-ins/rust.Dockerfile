# Stands in for rust:1.85-slim-bookworm; the toolchain is the building machine's, mounted while it builds.
FROM localhost/parlour-test/base
RUN apt-get update -q && apt-get install -y -q --no-install-recommends build-essential cmake && rm -rf /var/lib/apt/lists/*
ENV PATH=/toolchain/bin:$PATH CARGO_HOME=/usr/local/cargo
