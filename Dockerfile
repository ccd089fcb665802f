# bot4 in a container: `bot4 run` on paper, as a user without rights, with mimalloc as allocator.
#
#   docker build -t bot4 .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL -v bot4-data:/var/lib/bot4 bot4 run --duration 60

FROM debian:bookworm-slim AS build
# Debian keeps one version of each package in a release: pinning it would only break the build at the next security fix.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev python3 python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# x86-64-v2 runs on every server of the last ten years; build with --build-arg BOT4_MARCH=x86-64-v3 for AVX2.
ARG BOT4_MARCH=x86-64-v2
RUN if [ "$(uname -m)" != x86_64 ]; then export BOT4_MARCH=; fi \
    && python3 -m venv /tmp/tools \
    && BOT4_BUILD=release /tmp/tools/bin/pip wheel --no-cache-dir --wheel-dir /wheels . \
    && python3 -m venv /opt/bot4 \
    && /opt/bot4/bin/pip install --no-cache-dir --no-index --find-links /wheels bot4

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libmimalloc2.0 python3 \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s "/usr/lib/$(uname -m)-linux-gnu/libmimalloc.so.2" /usr/local/lib/libmimalloc.so \
    && useradd --system --uid 10001 --home-dir /var/lib/bot4 --create-home --shell /usr/sbin/nologin bot4
COPY --from=build /opt/bot4 /opt/bot4
ENV PATH=/opt/bot4/bin:$PATH \
    LD_PRELOAD=/usr/local/lib/libmimalloc.so \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/bot4
VOLUME /var/lib/bot4
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD ["bot4", "doctor"]
ENTRYPOINT ["bot4"]
CMD ["run"]
