#!/usr/bin/env bash
# Makes the Python environment of the Spark job on an EMR node from wheelhouses, without any network but S3.
#
#   bootstrap.sh <s3 uri of wheelhouse.tar> <its sha256> [<s3 uri of another one> <its sha256>]...
#
# The first wheelhouse has the wheel of pip. The environment is ${ORCHARD_PREFIX:-}/opt/orchard/python. The script needs
# bash, aws and tar, which every node has, and python3.11, which it installs from Amazon Linux's repository (also on S3) if
# it is missing. It does nothing if the environment was already made from the same wheelhouses.
set -euo pipefail

log() { printf 'orchard: bootstrap: %s\n' "$*"; }
fail() {
  printf 'orchard: error: bootstrap: %s\n' "$*" >&2
  exit 1
}

[[ $# -ge 2 && $(($# % 2)) -eq 0 ]] ||
  fail "usage: bootstrap.sh <s3 uri of wheelhouse.tar> <sha256> [<s3 uri> <sha256>]...; got $# arguments"
uris=() sha256s=()
while [[ $# -gt 0 ]]; do
  [[ $1 == s3://*/* ]] || fail "'$1' is not an s3:// URI of a file"
  [[ $2 =~ ^[0-9a-f]{64}$ ]] || fail "'$2' is not a sha256: 64 lower-case hexadecimal digits are needed"
  uris+=("$1") sha256s+=("$2")
  shift 2
done
for tool in aws tar; do
  command -v "$tool" >/dev/null || fail "$tool is not on this node's PATH"
done
if ! command -v python3.11 >/dev/null; then
  log "installing python3.11"
  sudo dnf install --assumeyes --quiet python3.11 || fail "python3.11 is not on this node's PATH, and dnf could not install it"
fi

readonly home="${ORCHARD_PREFIX:-}/opt/orchard"
readonly environment="$home/python" stamp="$home/python/.wheelhouse-sha256" made_from="${sha256s[*]}"
if [[ -f $stamp && $(<"$stamp") == "$made_from" ]]; then
  log "$environment is already made from this wheelhouse"
  exit 0
fi

# Bootstrap actions run as the user hadoop, which may not write to /opt.
mkdir -p "$home" 2>/dev/null || sudo install -d -o "$(id -un)" "$home" || fail "$home cannot be created"
[[ -w $home ]] || sudo chown "$(id -un)" "$home" || fail "$home cannot be written to"
scratch=$(mktemp -d "$home/bootstrap.XXXXXX") || fail "no temporary folder could be made in $home"
readonly scratch
trap 'rm -rf "$scratch"' EXIT

# Fetches a wheelhouse and unpacks it into a folder.
unpack() {
  local uri=$1 sha256=$2 folder=$3 found
  log "fetching $uri"
  aws s3 cp --only-show-errors "$uri" "$scratch/wheelhouse.tar" ||
    fail "$uri could not be fetched: is it there, and may this node's instance profile read it?"
  # Python's hash, because macOS, on which the embedded EMR may run this script, has no sha256sum.
  found=$(python3.11 -c 'import hashlib, sys; print(hashlib.file_digest(open(sys.argv[1], "rb"), "sha256").hexdigest())' \
    "$scratch/wheelhouse.tar") || fail "python3.11 could not read the wheelhouse"
  [[ $found == "$sha256" ]] || fail "$uri has sha256 $found, but $sha256 was expected: deploy again to upload the wheelhouse"
  mkdir "$folder"
  tar -xf "$scratch/wheelhouse.tar" -C "$folder" || fail "$uri is not a tar archive"
  rm "$scratch/wheelhouse.tar"
}

for index in "${!uris[@]}"; do
  unpack "${uris[index]}" "${sha256s[index]}" "$scratch/$index"
  locks=("$scratch/$index"/requirements*.txt)
  [[ -f ${locks[0]} ]] || fail "${uris[index]} has no requirements.txt"
done
pip=("$scratch"/0/pip-*.whl)
[[ -f ${pip[0]} ]] || fail "${uris[0]} has no wheel of pip"

log "making $environment with $(python3.11 --version)"
# Remove an incomplete environment of an earlier attempt.
rm -rf "$environment"
python3.11 -m venv --without-pip "$environment" || fail "python3.11 could not make a virtual environment in $environment"

for index in "${!uris[@]}"; do
  log "installing $(find "$scratch/$index" -name '*.whl' | wc -l) wheels"
  locks=("$scratch/$index"/requirements*.txt)
  # pip runs from its own wheel. The lock names every package, so there is nothing to resolve (--no-deps), and only the
  # modules that the job imports are compiled, below (--no-compile).
  "$environment/bin/python" "${pip[0]}/pip" install --quiet --disable-pip-version-check --no-input --no-cache-dir \
    --no-index --find-links "$scratch/$index" --require-hashes --no-deps --no-compile -r "${locks[0]}" ||
    fail "pip could not install the wheels of ${uris[index]}: were they made for this platform and Python 3.11?"
done

# Check that the libraries load on this node. This also writes the byte code of the modules that the job imports, which
# Spark's workers may not write because they run as another user.
"$environment/bin/python" - <<'PYTHON' || fail "a library of the Spark job does not load on this node"
import importlib.util
import ai_edge_litert.interpreter, boto3, numpy, obstore.store, PIL.Image, PIL.JpegImagePlugin, PIL.PngImagePlugin, pyarrow.fs, pyarrow.parquet
if importlib.util.find_spec("openvino"):
    import openvino
boto3.client("s3", region_name="eu-west-1", aws_access_key_id="-", aws_secret_access_key="-")
PYTHON

# YARN's containers run as another user, who must read the environment whatever this user's umask is.
{ chmod a+rX "$home" && chmod -R a+rX "$environment"; } || fail "$environment could not be made readable by all users"

printf '%s' "$made_from" >"$stamp"
log "$environment is ready"
