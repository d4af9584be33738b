# Sourced by what runs the tests on a system that is not wholly itself (tests/windows, tests/machines): builds and runs
# the programs of Rust's tests, and judges each case, those that stand in a list of exceptions by what is to be expected
# of them. Not here: what such a system is, and how it runs a program. Who sources this says so first:
#
#   emulator      the command that runs a program of that system, in its words
#   triple, out   what the system is to the compiler; where everything is put
#   profile       arguments for cargo, beyond the usual
#   threads       how many tests of Rust run at a time in one process
#
# A line of a list of exceptions: SORT CASE REASON. A case may be a pattern of bash, as * and !(these). The sorts:
#
#   unix         can't be on that system: it is not built there, or says itself that it is skipped
#   wine, qemu   built, and fails for want of something in what stands for the system; when it works it is no exception
#   wine8        the same, with that version alone
#   linux        built, and about what Linux does its own way

: "${CARGO:=cargo}"
readonly TOGETHER=2400 APART=60 # seconds; the emulators are slow, and not alone on their machine
logs=$out/logs
mkdir -p "$logs"

# -- Cases and their exceptions. --

passed=0 failed=0 excepted=0
sorts=() patterns=() reasons=() used=()

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL $*"; }

read_exceptions() { # file [version]
    local sort pattern reason
    while read -r sort pattern reason; do
        case $sort in
            '' | '#'*) continue ;;
            *[0-9]) [[ $sort == "${2-}" ]] || continue; sort=${sort%%[0-9]*} ;;
        esac
        sorts+=("$sort") patterns+=("$pattern") reasons+=("$reason")
        # A source that is there is no case, and an exception all the same.
        if [[ -f $pattern ]]; then used+=(1); else used+=(0); fi
    done <"$1"
}

# A test that wants a machine whose administrator has disabled io_uring is skipped on the others.
except_other_machines() {
    if [[ $(cat /proc/sys/kernel/io_uring_disabled) != 2 ]]; then
        read_exceptions <(echo unix contract::queue::sandbox::a_machine_whose_rings_are_disabled this one has them)
    fi
}

# Which exception a case falls under: `found`, empty if none.
find_exception() { # case
    local place
    found=
    for place in "${!patterns[@]}"; do
        # shellcheck disable=SC2053 # a pattern
        if [[ $1 == ${patterns[place]} ]]; then found=$place; return; fi
    done
}

# Judges one case by its result: ok, failed, skipped, hangs, missing. Of one that fails it shows what the log has of it.
judge() { # case result [log]
    local sort=
    find_exception "$1"
    if [[ -n $found ]]; then
        sort=${sorts[found]}
        used[found]=$((used[found] + 1))
    fi
    case $sort,$2 in
        ,ok) pass ;;
        *,ok) fail "$1: is an exception, and works" ;;
        unix,missing | ?*,skipped | wine,failed | wine,hangs | linux,failed | linux,hangs | qemu,failed | qemu,hangs) excepted=$((excepted + 1)) ;;
        *)
            fail "$1: $2"
            if [[ -f ${3-} ]]; then grep -F -A3 "thread '${1#*::}'" "$3" | sed 's/^/    /'; fi
            ;;
    esac
}

# -- Programs. --

# Runs a program of that system, and has what it says in a log: through a file, as a child that is left behind would keep
# a pipe open.
run_program() { # log seconds program argument...
    timeout --kill-after=5 "$2" "${emulator[@]}" "${@:3}" </dev/null &>"$1.raw"
    tr -d '\r' <"$1.raw" >"$1"
    rm "$1.raw"
}

# What stands for the system is not all that the system is: a program shows it without the library, by a line for each
# case, `SORT NAME: what it does` or `as documented NAME`. The list of exceptions has the names in brackets.
evidence() { # program
    local line name shown=
    run_program "$logs/evidence" "$APART" "$1"
    while read -r line; do
        case $line in
            'as documented '*)
                if [[ ${reasons[*]} == *"[${line##* }]"* ]]; then fail "$line: its cases are no exceptions any more"; else pass; fi
                ;;
            'wine '*:* | 'qemu '*:*) pass; echo "    $line"; shown+=" ${line#* }" ;;
        esac
    done <"$logs/evidence"
    for name in $(grep -oE '\[[a-z_]+\]' <<<"${reasons[*]}" | tr -d '[]' | sort -u); do
        if [[ $shown != *" $name: "* ]]; then fail "nothing shows the case $name"; fi
    done
}

# -- The tests of Rust. --

# Debian's compiler for that system, with a std for it.
cargo_there() { # command cargo-arguments...
    CARGO_BUILD_WARNINGS=deny debian_cargo "$1" -Zwarnings --locked --target "$triple" --target-dir "$out" \
        --config 'target."cfg(all())".rustflags=["--cfg=elsewhere"]' -Zbuild-std=std,panic_unwind -Zbuild-std-features=panic-unwind "${profile[@]}" "${@:2}" 2>&1
}

# Builds a program of tests; its path, nothing if it can't be built.
build_tests() { # log cargo-arguments...
    cargo_there test --no-run "${@:2}" |
        tee "$1" | sed -nE 's/^ *Executable .*\((.*)\)$/\1/p'
}

# Runs tests of a program, and has what they say in a log.
run_tests() { # program log seconds test...
    run_program "$2" "$3" "$1" --exact --nocapture --test-threads="$threads" "${@:4}"
}

# The results of tests in logs. Of one that runs alone the result may follow on a line of its own, behind what it has printed.
results_in() { # log...
    awk 'match($0, /skipped: [^ ]+: /) { print substr($0, RSTART + 9, RLENGTH - 11), "skipped" }
        match($0, /(^|[^[:alnum:]_])test [^ ]+ \.\.\. /) {
            split(substr($0, RSTART, RLENGTH), words, / +/)
            name = words[1] ~ /test$/ ? words[2] : words[3]
            $0 = substr($0, RSTART + RLENGTH)
        }
        name != "" && /^(ok|FAILED)( \(.*\))?$/ { print name, /^ok/ ? "ok" : "failed"; name = "" }' "$@"
}

# Takes the results of tests out of logs into `results`. One that says that it is skipped succeeds too.
note_results() { # log...
    local name result
    while read -r name result; do
        if [[ ${results[$name]-} != skipped ]]; then results[$name]=$result; fi
    done < <(results_in "$@")
}

# The tests of a program as they are on this machine, plainly built.
list_here() { "$CARGO" test --quiet --locked "$@" -- --list; } # cargo-arguments...

# Emulators are slow to start: all tests that are no exceptions run in one process. The exceptions run each in its own, and
# so do those that got no result, whoever hung or crashed: it takes no other with it, and has failed already.
rust_layer() { # layer cargo-arguments...
    local layer=$1 log=$logs/$1 program name together=() apart=()
    local -A results=()
    program=$(build_tests "$log.build" "${@:2}")
    list_here "${@:2}" 2>/dev/null | sed -n 's/: test$//p' >"$log.here"
    if [[ ! -s $log.here || -z $program ]]; then cat "$log.build"; fail "$layer does not build"; return; fi
    "${emulator[@]}" "$program" --list 2>/dev/null | tr -d '\r' | sed -n 's/: test$//p' >"$log.there"
    while read -r name; do
        find_exception "$layer::$name"
        if [[ -n $found ]]; then apart+=("$name"); else together+=("$name"); fi
    done <"$log.there"
    if ((${#together[@]} == 0)); then fail "$layer lists no tests"; return; fi

    run_tests "$program" "$log" "$TOGETHER" "${together[@]}"
    note_results "$log"
    for name in "${together[@]}"; do
        if [[ -z ${results[$name]-} ]]; then
            fail "$layer::$name: no result in company"
            apart+=("$name")
        fi
    done
    run_apart "$program" "$log" "${apart[@]}"
    if ((${#apart[@]})); then note_results "$log.apart"/*; fi
    for name in "${apart[@]}"; do : "${results[$name]:=hangs}"; done
    while read -r name; do
        judge "$layer::$name" "${results[$name]-missing}" "$log"
    done < <(sort -u "$log.here" "$log.there")
}

layer_lib() { rust_layer lib --lib; }
layer_contract() { rust_layer contract --test contract; }

# A program that runs its tests one after the other, as its process is measured: they are named in its source.
alone_layer() { # layer source cargo-arguments...
    local log=$logs/$1 program name
    local -A results=()
    program=$(build_tests "$log.build" "${@:3}")
    if [[ -z $program ]]; then cat "$log.build"; fail "$1 does not build"; return; fi
    run_program "$log" "$TOGETHER" "$program"
    note_results "$log"
    while read -r name; do
        judge "$1::$name" "${results[$name]-hangs}" "$log"
    done < <(sed -nE 's/^ *\("(\w+)", \w+\),$/\1/p' "$2")
}

# Runs tests each in a process of its own, eight at a time: most of them wait in vain.
run_apart() { # program log test...
    local name
    rm -rf "$2.apart"
    mkdir "$2.apart"
    for name in "${@:3}"; do
        while (($(jobs -rp | wc -l) >= 8)); do wait -n; done
        run_tests "$1" "$2.apart/$name" "$APART" "$name" &
    done
    wait
}

# -- The programs of C. --

# Every case that the sources of C name, and what became of it there. `c_program` says where a program is.
c_layer() {
    local source program case log
    for source in tests/c/*.c; do
        program=$(basename "$source" .c)
        log=$logs/$program
        find_exception "$source"
        if [[ -n $found ]]; then continue; fi
        run_program "$log" "$TOGETHER" "$(c_program "$program")"
        grep -vE '^(ok|FAIL) ' "$log" | sed 's/^/    /'
        while read -r case; do
            judge "c::$program::$case" "$(c_result "$case" "$log")"
        done < <(sed -nE 's/^ *RUN\((\w+)\);$/\1/p' "$source")
    done
}

c_result() { # case output
    case $(grep -oE "^(ok|FAIL|skip) $1\b" "$2") in
        ok*) echo ok ;;
        FAIL*) echo failed ;;
        skip*) echo skipped ;;
        *) echo hangs ;;
    esac
}

# -- The summary. --

summary=()

# Runs the function layer_NAME, and notes what came of it.
layer() { # name
    local before=("$passed" "$failed" "$excepted") start=$SECONDS
    printf '\n== %s: %s\n' "$triple" "$1"
    "layer_$1"
    summary+=("$(printf '%-8s %5d passed  %3d failed  %3d excepted  %4d s' "$1" $((passed - before[0])) \
        $((failed - before[1])) $((excepted - before[2])) $((SECONDS - start)))")
}

# The layers, the list, and the count. Fails if a case has; of all cases, an exception that none falls under has gone out
# of date.
end() { # all|some what-stands-for-the-system
    local place
    printf '\n== summary: %s on %s\n' "$triple" "$2"
    printf '%s\n' "${summary[@]}"
    for place in "${!patterns[@]}"; do
        if ((used[place])); then
            echo "excepted  ${sorts[place]}  ${patterns[place]}: ${reasons[place]} (${used[place]})"
        elif [[ $1 == all ]]; then
            fail "the exception ${patterns[place]} is no case"
        fi
    done
    echo "$passed passed, $failed failed, $excepted excepted"
    ((failed == 0))
}
