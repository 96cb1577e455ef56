# One image for every service; which one it runs is its argument: `docker run IMAGE identity`. `migrate NAME`, `health` and
# `drain` are arguments as well (services/chassis/__main__.py). docs/adr/0018-image-and-export.md says why it is made so.
# It needs no BuildKit. `autional image build` passes the arguments and says how large the result is.
ARG BASE=python:3.11-slim

FROM ${BASE} AS builder
# Where pip looks is the machine's business: what is given here stays in this stage and out of the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_CERT
ARG PIP_DEFAULT_TIMEOUT=60
WORKDIR /build
COPY requirements.lock services/requirements.txt services/locked.py /build/
# pip stays outside of what is installed; the second `venv` is what the image gets.
RUN python -m venv /build/pip && python -m venv --without-pip /opt/autional \
 && python locked.py requirements.lock > locked.txt \
 && /build/pip/bin/pip --disable-pip-version-check --python /opt/autional/bin/python install \
      --no-cache-dir --only-binary :all: --require-hashes --no-deps -r locked.txt \
 && /build/pip/bin/pip --disable-pip-version-check --python /opt/autional/bin/python check \
 && find /opt/autional -type d \( -name tests -o -name test -o -name testing \) -path '*/site-packages/*' -prune \
      -exec rm -rf {} + \
 && rm -rf /opt/autional/bin/Activate.ps1 /opt/autional/bin/activate*
COPY services /opt/autional/app/services
COPY migrations /opt/autional/app/migrations
# Compiled here, because a read-only file system keeps no byte code. Unchecked: nothing in an image is edited.
RUN /opt/autional/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/autional \
 && rm -f /opt/autional/app/services/requirements.txt /opt/autional/app/services/locked.py

FROM ${BASE}
ARG VERSION=0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="autional" \
      org.opencontainers.image.description="The services of the Autional identity platform; the argument names one" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Nothing that installs software: not pip, and not the wheels that would bring it back.
RUN python -c "import importlib.util as u, shutil, pathlib as p; \
[shutil.rmtree(p.Path(s.origin).parent) for n in ('pip', 'setuptools', 'wheel', 'ensurepip') if (s := u.find_spec(n))]" \
 && rm -rf /usr/share/python-wheels /usr/local/bin/pip* /root/.cache
COPY --from=builder /opt/autional /opt/autional
ENV PATH=/opt/autional/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONHASHSEED=random
WORKDIR /opt/autional/app
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "services.chassis", "health"]
ENTRYPOINT ["python", "-m", "services.chassis"]
