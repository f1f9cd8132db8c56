#!/bin/bash
# Runs a command that sees a node's own /opt, in which /opt/orchard is what the bootstrap action installs:
#
#   unshare --mount /bin/bash node-view.sh <the node's folder> <command> [argument ...]
#
# The mounts are in the namespace that unshare has made, and end with its processes.
set -euo pipefail
root=$1
shift
mkdir -p "$root/opt"
# The machine's own /opt stays visible: its Python or this project may be there.
for entry in /opt/*; do
  [[ $entry != /opt/orchard && -d $entry ]] || continue
  mkdir -p "$root/opt/${entry##*/}"
  mount --rbind "$entry" "$root/opt/${entry##*/}"
done
mount --rbind "$root/opt" /opt
# YARN starts each container by setsid. The node's own setsid makes no new session, because the account ends the
# processes of the NodeManager's session.
system=$(PATH=/usr/bin:/bin type -P setsid) # The node's own setsid comes first on the PATH.
mount --bind "$root/bin/setsid" "$(readlink -f "$system")"
exec "$@"
