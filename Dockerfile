# parla in an image: built from Cargo.lock as it is, run on Debian with Debian's eSpeak NG by a user without rights.
#
#   docker build --tag parla .
#   docker run --rm --stop-timeout 20 --volume parla:/data \
#     --publish 127.0.0.1:11200:11200 --publish 127.0.0.1:11200:11200/udp --env PARLA_RTC_ADDRESSES=127.0.0.1 parla
#
# The link to open, with its key, is the first line of the log.

FROM rust:1-slim-trixie AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked && cp target/release/parla /usr/local/bin/parla

FROM debian:trixie-slim
LABEL org.opencontainers.image.title="parla" \
      org.opencontainers.image.description="A voice tutor server, with eSpeak NG (GPL-3.0) beside it" \
      org.opencontainers.image.licenses="(MIT OR Apache-2.0) AND GPL-3.0-or-later"
# The library with its voices is enough: the program of the same name is not used. What parla writes belongs to a user
# whose number stays the same, so that folders of the host can be given to it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libespeak-ng1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /parla --shell /usr/sbin/nologin parla \
    && install --directory --owner parla --group parla /parla /data /audio_cache
COPY LICENSE-MIT LICENSE-APACHE packaging/image/LICENCES /usr/share/doc/parla/
COPY web/vendor/lit-html/LICENSE /usr/share/doc/parla/LICENSE-lit-html
COPY --chmod=755 packaging/image/healthcheck /usr/local/bin/parla-healthcheck
COPY --from=build /usr/local/bin/parla /usr/local/bin/parla
# Calls come in by UDP at the same number, which stays the same outside: callers are told it. Under which address they
# find the machine only its owner knows: PARLA_RTC_ADDRESSES.
ENV PARLA_LISTEN=0.0.0.0:11200 \
    PARLA_RTC_LISTEN=0.0.0.0:11200 \
    PARLA_DATA=/data \
    PARLA_AUDIO_CACHE=/audio_cache
# A parla.toml and a folder prompts/ are looked for where it is started.
WORKDIR /parla
USER 10001:10001
VOLUME ["/data", "/audio_cache"]
EXPOSE 11200 11200/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["parla-healthcheck"]
ENTRYPOINT ["parla"]
CMD ["serve"]
