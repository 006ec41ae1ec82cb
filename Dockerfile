# One image for each service: docker build --build-arg SERVICE=ingest -t greenline-ingest .
ARG PYTHON=3.11-slim

FROM python:${PYTHON} AS build
ARG SERVICE
RUN test -n "${SERVICE}" || { echo "Say which service: --build-arg SERVICE=ingest|scoring|triggers|outreach"; exit 1; }
WORKDIR /build
COPY .ci/uv.txt ./
RUN pip install --no-cache-dir --require-hashes -r uv.txt
COPY pyproject.toml requirements.lock ./
# The service's own part of the lock: the same versions and hashes, fewer packages.
RUN cp requirements.lock wanted.txt \
    && uv pip compile -q pyproject.toml --extra "${SERVICE}" --universal --python-version 3.11 \
       --generate-hashes --no-header --no-annotate -o wanted.txt \
    && uv venv -q /venv \
    && VIRTUAL_ENV=/venv uv pip sync -q --require-hashes --compile-bytecode wanted.txt

FROM python:${PYTHON}
ARG SERVICE
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /app
COPY --from=build /venv /venv
COPY libs ./libs
COPY services/__init__.py ./services/__init__.py
COPY services/${SERVICE} ./services/${SERVICE}
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SERVICE=${SERVICE} \
    GREENLINE_HOST=0.0.0.0 \
    GREENLINE_DATA_DIR=/tmp/greenline \
    NUMBA_CACHE_DIR=/tmp/numba
EXPOSE 8080
STOPSIGNAL SIGTERM
# `exec` so that the service, and not a shell, gets the signal to drain.
ENTRYPOINT ["/bin/sh", "-c", "exec python -m \"services.$SERVICE\" \"$@\"", "--"]
CMD ["run"]
