#!/usr/bin/env bash
# Makes the Python environment of the Spark job on an EMR node from the wheelhouse, without any network but S3.
#
#   bootstrap.sh <s3 uri of wheelhouse.tar> <its sha256>
#
# The environment is ${ORCHARD_PREFIX:-}/opt/orchard/python. The script needs bash, aws and tar, which every node has,
# and python3.11, which it installs from Amazon Linux's repository (also on S3) if it is missing. It does
# nothing if the environment was already made from the same wheelhouse.
set -euo pipefail

log() { printf 'orchard: bootstrap: %s\n' "$*"; }
fail() {
  printf 'orchard: error: bootstrap: %s\n' "$*" >&2
  exit 1
}

[[ $# -eq 2 ]] || fail "usage: bootstrap.sh <s3 uri of wheelhouse.tar> <sha256>; got $# arguments"
readonly archive_uri=$1 sha256=$2
[[ $archive_uri == s3://*/* ]] || fail "'$archive_uri' is not an s3:// URI of a file"
[[ $sha256 =~ ^[0-9a-f]{64}$ ]] || fail "'$sha256' is not a sha256: 64 lower-case hexadecimal digits are needed"
for tool in aws tar; do
  command -v "$tool" >/dev/null || fail "$tool is not on this node's PATH"
done
if ! command -v python3.11 >/dev/null; then
  log "installing python3.11"
  sudo dnf install --assumeyes --quiet python3.11 || fail "python3.11 is not on this node's PATH, and dnf could not install it"
fi

readonly home="${ORCHARD_PREFIX:-}/opt/orchard"
readonly environment="$home/python" stamp="$home/python/.wheelhouse-sha256"
if [[ -f $stamp && $(<"$stamp") == "$sha256" ]]; then
  log "$environment is already made from this wheelhouse"
  exit 0
fi

# Bootstrap actions run as the user hadoop, which may not write to /opt.
mkdir -p "$home" 2>/dev/null || sudo install -d -o "$(id -un)" "$home" || fail "$home cannot be created"
[[ -w $home ]] || sudo chown "$(id -un)" "$home" || fail "$home cannot be written to"
scratch=$(mktemp -d "$home/bootstrap.XXXXXX") || fail "no temporary folder could be made in $home"
readonly scratch
trap 'rm -rf "$scratch"' EXIT

log "fetching $archive_uri"
aws s3 cp --only-show-errors "$archive_uri" "$scratch/wheelhouse.tar" ||
  fail "$archive_uri could not be fetched: is it there, and may this node's instance profile read it?"

# Python's hash, because macOS, on which the embedded EMR may run this script, has no sha256sum.
found=$(python3.11 -c 'import hashlib, sys; print(hashlib.file_digest(open(sys.argv[1], "rb"), "sha256").hexdigest())' \
  "$scratch/wheelhouse.tar") || fail "python3.11 could not read the wheelhouse"
[[ $found == "$sha256" ]] ||
  fail "$archive_uri has sha256 $found, but $sha256 was expected: deploy again to upload the wheelhouse"

mkdir "$scratch/wheels"
tar -xf "$scratch/wheelhouse.tar" -C "$scratch/wheels" || fail "$archive_uri is not a tar archive"
pip=("$scratch"/wheels/pip-*.whl)
[[ -f $scratch/wheels/requirements.txt && -f ${pip[0]} ]] || fail "$archive_uri has no requirements.txt or no wheel of pip"

log "making $environment with $(python3.11 --version)"
# Remove an incomplete environment of an earlier attempt.
rm -rf "$environment"
python3.11 -m venv --without-pip "$environment" || fail "python3.11 could not make a virtual environment in $environment"

log "installing $(find "$scratch/wheels" -name '*.whl' | wc -l) wheels"
# pip runs from its own wheel. The lock names every package, so there is nothing to resolve (--no-deps), and only the
# modules that the job imports are compiled, below (--no-compile).
"$environment/bin/python" "${pip[0]}/pip" install --quiet --disable-pip-version-check --no-input --no-cache-dir --no-index \
  --find-links "$scratch/wheels" --require-hashes --no-deps --no-compile -r "$scratch/wheels/requirements.txt" ||
  fail "pip could not install the wheels of $archive_uri: were they made for this platform and Python 3.11?"

# Check that the libraries load on this node. This also writes the byte code of the modules that the job imports, which
# Spark's workers may not write because they run as another user.
"$environment/bin/python" - <<'PYTHON' || fail "a library of the Spark job does not load on this node"
import ai_edge_litert.interpreter, boto3, numpy, obstore.store, PIL.Image, PIL.JpegImagePlugin, PIL.PngImagePlugin, pyarrow.fs, pyarrow.parquet
boto3.client("s3", region_name="eu-west-1", aws_access_key_id="-", aws_secret_access_key="-")
PYTHON

# YARN's containers run as another user, who must read the environment whatever this user's umask is.
{ chmod a+rX "$home" && chmod -R a+rX "$environment"; } || fail "$environment could not be made readable by all users"

printf '%s' "$sha256" >"$stamp"
log "$environment is ready"
