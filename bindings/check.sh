# What the scripts bindings/LANGUAGE/test share: a line a case, and a last line that counts them. To be sourced.
#
# It stands in the language's folder afterwards; `library` is what ANYSOCK_LIBRARY names, `build` a folder that is gone at the end.
set -uo pipefail
cd "$(dirname "$0")" || exit
top=$(realpath ../..)
library=$(realpath "${ANYSOCK_LIBRARY:-$top/target/release/libanysock.so}")
export ANYSOCK_LIBRARY=$library
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
passed=0 failed=0 skipped=0

check() { # name command...
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        echo "$output" | tail -40
    fi
}

skip() { skipped=$((skipped + 1)); echo "skip $*"; }

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    ((failed == 0))
    exit
}

# Ends the script where a program is missing, or what it needs.
needs() { # name command...
    local name=$1
    shift
    "$@" >/dev/null 2>&1 && return
    skip "$name: not installed"
    finish
}

# A program that ends with status 7 while calls wait does end.
ends() { # command...
    timeout 300 "$@"
    (($? == 7))
}

# Ctrl-C ends a program that says "waiting" and then waits in a call, as it ends any program: by the signal, or not well.
interrupted() { # command...
    local line process status
    # What a shell starts beside itself does not hear Ctrl-C else.
    coproc waits { exec env --default-signal=INT "$@" 2>&1; }
    process=$!
    exec 3<&"${waits[0]}"
    read -r line <&3
    [[ $line == waiting ]] || return
    for ((i = 0; i < 500; i++)); do
        grep -q '^State:.S' "/proc/$process/status" 2>/dev/null && break
        sleep 0.01
    done
    kill -INT "$process"
    # To the end of what it says, which is its own.
    timeout 20 cat <&3 || kill -KILL "$process"
    exec 3<&-
    wait "$process"
    status=$?
    ((status != 0 && status != 137))
}

# The examples, an echo server and a client, say a word and 100,000 bytes to each other.
talk() { # command of the server, "--", command of the client
    local process address status=0 server=()
    while [[ $1 != -- ]]; do server+=("$1"); shift; done
    shift
    coproc peer { exec "${server[@]}" 127.0.0.1:0; }
    process=$!
    read -r _ _ address <&"${peer[0]}"
    [[ $(timeout 30 "$@" "$address" hello) == hello ]] || status=1
    [[ $(timeout 30 "$@" "$address" "$(printf '%0100000d' 7)" | wc -c) == 100001 ]] || status=1
    kill "$process"
    wait "$process" 2>/dev/null
    return $status
}
