# Build: any recent Rust image; the result needs GDAL and PROJ only, and only for files or requests that use them.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bins -p harmony

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgdal32 libproj25 proj-data ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 harmony
COPY --from=build /src/target/release/harmony /src/target/release/harmony-transform /usr/local/bin/
USER harmony
WORKDIR /data
EXPOSE 3000
ENTRYPOINT ["harmony"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
