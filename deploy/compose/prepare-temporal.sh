#!/bin/sh
# Databases, schema, namespace and search attributes. Every step may be done already: safe to run at every start.
set -eu

case "$1" in
schema)
  for database in temporal temporal_visibility; do
    schema=$([ "$database" = temporal ] && echo temporal || echo visibility)
    temporal-sql-tool --db "$database" create || true
    temporal-sql-tool --db "$database" setup-schema -v 0.0 || true
    temporal-sql-tool --db "$database" update-schema --schema-name "postgresql/v12/$schema"
  done
  ;;
namespace)
  until temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; do
    temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention 7d || sleep 1
  done
  for name in FleetName FleetTeam FleetState; do
    until temporal operator search-attribute list -n "$TEMPORAL_NAMESPACE" | grep -qw "$name"; do
      temporal operator search-attribute create -n "$TEMPORAL_NAMESPACE" --name "$name" --type Keyword || sleep 1
    done
  done
  ;;
*)
  echo "schema or namespace, not $1" >&2
  exit 2
  ;;
esac
