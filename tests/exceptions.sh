# Sourced by what runs the tests on a system that is not wholly itself (tests/windows, tests/aarch64): judges each case,
# and those that stand in a list of exceptions by what is to be expected of them. Not here: how a case is run.
#
# A line of such a list: SORT CASE REASON. A * in a case stands for anything. The sorts:
#
#   unix         can't be on that system: it is not built there, or says itself that it is skipped
#   wine, qemu   built, and fails for want of something in what stands for the system; when it works it is no exception

passed=0 failed=0 excepted=0
sorts=() patterns=() reasons=() used=()

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL $*"; }

read_exceptions() { # file
    local sort pattern reason
    while read -r sort pattern reason; do
        case $sort in '' | '#'*) continue ;; esac
        sorts+=("$sort") patterns+=("$pattern") reasons+=("$reason")
        # A source that is there is no case, and an exception all the same.
        if [[ -f $pattern ]]; then used+=(1); else used+=(0); fi
    done <"$1"
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
        unix,missing | ?*,skipped | wine,failed | wine,hangs | qemu,failed | qemu,hangs) excepted=$((excepted + 1)) ;;
        *)
            fail "$1: $2"
            if [[ -f ${3-} ]]; then grep -F -A3 "thread '${1#*::}'" "$3" | sed 's/^/    /'; fi
            ;;
    esac
}

# The list, and the count. Fails if a case has; of all cases, an exception that none falls under has gone out of date.
end_exceptions() { # all|some
    local place
    for place in "${!patterns[@]}"; do
        if ((used[place])); then
            echo "excepted  ${sorts[place]}  ${patterns[place]}: ${reasons[place]}"
        elif [[ $1 == all ]]; then
            fail "the exception ${patterns[place]} is no case"
        fi
    done
    echo "$passed passed, $failed failed, $excepted excepted"
    ((failed == 0))
}
