# Sourced by what runs programs for Windows (tests/windows/run, tests/packaging/dist): Wine in WINEPREFIX, as they need it: with
# the one function of Windows that it lacks, and as Windows 10. Not here: which Wine, what runs, and when the server ends.

# Wine's server keeps the registry in memory and writes it when it ends. One that dies earlier leaves half a Windows,
# without services and interfaces, in which every program starts and much fails. So the registry is on the disk before the
# first test, and what is not whole is made anew.
boot_wine() { # log
    local attempt
    for attempt in 1 2 3; do
        wineboot -i &>"$1"
        configure_wine &>>"$1" && return
        echo "wineboot has left half a Windows, attempt $attempt:"
        sed 's/^/    /' "$1"
        wineserver -k
        rm -rf "$WINEPREFIX"
    done
    return 1
}

configure_wine() {
    x86_64-w64-mingw32-gcc -O2 -Wall -Werror -shared -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" \
        tests/windows/shim.c -ladvapi32
    # A program that crashes ends, and nobody debugs it.
    wine reg add 'HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug' /v Debugger /d '' /f
    wine reg add 'HKCU\Software\Wine' /v Version /d win10 /f
    [[ $(wine ipconfig) == *127.0.0.1* ]] || return
    wineserver -w
    [[ -s $WINEPREFIX/system.reg ]]
}
