#!/bin/sh
# Catalogues the sample granules, says what to try, and serves them until Ctrl-C.
set -eu
: "${BIN:?folder of the built programs}" "${DATA:=harmony-data}" "${PORT:=3000}"
export HARMONY_COLLECTIONS_FILE="${HARMONY_COLLECTIONS_FILE:-testdata/collections.toml}"
"$BIN/harmony" catalog --data "$DATA" add samples
root="http://localhost:$PORT"
coverage=ogc-api-coverages/1.0.0/collections
cat <<TEXT

Three things to try:

  curl -LO "$root/harmony_example/$coverage/red_var/coverage/rangeset?subset=lat(0:40)&subset=lon(-20:60)&maxResults=1"

  python: from harmony import BBox, Client, Collection, Environment, Request
          client = Client(env=Environment.LOCAL, should_validate_auth=False)
          job = client.submit(Request(Collection("harmony_example"), spatial=BBox(-20, 0, 60, 40)))
          print([f.result() for f in client.download_all(job)])

  browser: $root/  ·  $root/docs  ·  $root/harmony_example/wms?service=WMS&request=GetCapabilities

TEXT
exec "$BIN/harmony" serve --data "$DATA" --port "$PORT"
