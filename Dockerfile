# kpi57 as a container: built with a package index, run without any network. The data is in the volume /data.
#   docker build -t kpi57 .
# For several places and a builder with '--build-arg WITH=places': deploy/compose.yaml, deploy/kubernetes.yaml.
#   docker run --rm --network none -v kpi57-data:/data kpi57 run
FROM python:3.13-slim AS build
WORKDIR /src
ARG WITH=
COPY requirements.lock requirements-places.lock requirements-lake.lock ./
RUN python -m venv /usr/local/lib/kpi57 \
 && /usr/local/lib/kpi57/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
RUN if [ "$WITH" = places ]; then pip="/usr/local/lib/kpi57/bin/python -m pip install --no-cache-dir --disable-pip-version-check" \
 && $pip --require-hashes -r requirements-places.lock \
 && $pip --require-hashes --no-deps --target /usr/local/lib/kpi57/engines/lake -r requirements-lake.lock; fi
COPY . .
RUN /usr/local/lib/kpi57/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:3.13-slim
COPY --from=build /usr/local/lib/kpi57 /usr/local/lib/kpi57
RUN useradd --system --uid 1057 --home-dir /data --shell /usr/sbin/nologin kpi57 \
 && install -d -o kpi57 -g kpi57 -m 0750 /data /places /lake /local
ENV PATH=/usr/local/lib/kpi57/bin:$PATH \
    KPI57_HOME=/data \
    MPLCONFIGDIR=/data/.matplotlib \
    PYTHONUNBUFFERED=1
USER 1057
WORKDIR /data
VOLUME /data
ENTRYPOINT ["kpi57"]
CMD ["run"]
