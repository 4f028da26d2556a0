#!/usr/bin/env bash
# All that the tests look for beyond Node, git and Go: on Debian, as root. What is there stays; what cannot be had is
# named, and the tests that need it are skipped by name.
set -uo pipefail
bin=${GOBIN:-$(go env GOPATH)/bin}
lacking() { [ ! -x "$bin/$1" ] && ! command -v "$1" >/dev/null; }
built() { lacking "$1" && { go install "${@:2}" || echo "not built: $1" >&2; }; }

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null
apt-get install -y -qq git bubblewrap socat ripgrep tmux xfsprogs iproute2 postgresql docker.io debootstrap python3-venv >/dev/null
# Of Prometheus its promtool alone: the package would start a server.
if lacking promtool; then
  (cd "$(mktemp -d)" && apt-get download -qq prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xC / ./usr/bin/promtool)
fi
if lacking kubernetes-validate; then
  python3 -m venv /opt/kubernetes-validate && /opt/kubernetes-validate/bin/pip -q install kubernetes-validate==1.37.0 &&
    ln -sf /opt/kubernetes-validate/bin/kubernetes-validate /usr/local/bin/
fi
[ -x "$bin/server" ] && [ -x "$bin/sql" ] ||
  go install go.temporal.io/server/cmd/server@v1.31.2 go.temporal.io/server/cmd/tools/sql@v1.31.2 || echo 'not built: server' >&2
built minio github.com/minio/minio@latest
built versitygw github.com/versity/versitygw/cmd/versitygw@latest
built helm helm.sh/helm/v3/cmd/helm@latest
# Its module replaces others, which `go install` refuses.
if lacking docker-compose; then
  source=$(mktemp -d)
  cp -r "$(go mod download -json github.com/docker/compose/v2@v2.40.3 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/." "$source" &&
    chmod -R u+w "$source" && (cd "$source" && go build -o "$bin/docker-compose" ./cmd) || echo 'not built: docker-compose' >&2
  rm -rf "$source"
fi
exit 0
