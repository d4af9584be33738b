# What the parts share: their options, where they build, how they end. To be sourced; stands in the top folder afterwards.
#
# Sets seconds, seed, and build, a folder of the part's own. A part ends with `report` or `without`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

: "${CC:=cc}" "${CFLAGS:=-O2 -g}" "${RELEASE:=target/release}" "${PYTHON:=python3}"
part=${0##*/}
seconds=30 seed=1
build=$(realpath "${RELEASE%/release}")/campaign/$part
mkdir -p "$build"

while (($#)); do
    case $1 in
        --seconds) seconds=$2 ;;
        --seed) seed=$2 ;;
        *) echo "usage: $0 [--seconds N] [--seed S]" >&2 && exit 2 ;;
    esac
    shift 2
done

# A C program of parts/, linked against the library that was built.
compile() { # name source... [option...]
    local name=$1
    shift
    "$CC" $CFLAGS -std=gnu11 -Wall -Wextra -Werror -Iinclude -Itests/campaign/parts -Itests/c -o "$build/$name" "$@" \
        -L"$RELEASE" -Wl,-rpath,"$(realpath "$RELEASE")" -lanysock -pthread -ldl
}

# The row of the table. Whatever was found is a failure.
report() { # what, how much, found
    echo "$1, $2, $3"
    [[ $3 == nothing ]]
    exit
}

# What this machine can't do is said, not passed over.
without() { # what, reason
    echo "$1, skipped, $2"
    exit 0
}
