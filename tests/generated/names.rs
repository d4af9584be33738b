//! Names of the header that every language can take over. Not here: the header.

use crate::header::header;
use anysock::core::error;

/// What a constant may begin with; behind it is its own name.
const GROUPS: [&str; 7] = ["EVENT", "FLAG", "SHUT", "OPT", "OP", "QUEUE", "CONTROL"];
/// The few that stand alone.
const ALONE: [&str; 5] = ["H", "HEADER_VERSION", "HEADER_ABI", "MILLISECOND", "SECOND"];
/// Words that a field may not have as its name: reserved in Ada, C, C++, C#, Go, Java, JavaScript, Kotlin, Lua, Pascal, Python,
/// Ruby, Rust or Swift, and the macros of `<windows.h>` in lower case.
const RESERVED: &str = "
    abort abs abstract accept access aliased all alignas alignof and any array as asm assert async at auto await base become
    begin bitand bitor body bool boolean box break byte case catch chan char checked class companion compl concept const
    constant constexpr constructor continue crate debugger declare decimal def default defer deferred del delay delegate delete
    delta deinit digits div do double downto dyn dynamic elif else elsif elseif end ensure entry enum event except exception
    exit explicit export extends extension extern fallthrough false far file final finally fixed float fn for foreach forward
    from fun func function generic global go goto guard huge hyper if impl implementation implements implicit import in init
    inline inout instanceof int interface internal is label lambda lazy let library limited local lock long loop macro map match
    mod module move mut mutable namespace native near new next nil noexcept none nonlocal not null nullptr object of open
    operator or others out override package params pass pascal private procedure program property protected protocol pub public
    raise range readonly record redo ref register rem renames repeat requeue rescue restrict retry return reverse sbyte sealed
    select self separate set shl short shr signed sizeof small some stackalloc static strictfp string struct subtype super switch
    synchronized tagged task template terminate then this thread throw throws trait transient true try type typealias typedef
    typeof typeid uint ulong unchecked undef union unit unless unsafe unsigned unsized until use uses ushort using val var
    virtual void volatile wchar_t when where while with xor yield
";

/// The group of a constant: "E" of errors, none of those that stand alone.
pub fn group(name: &str) -> Option<&'static str> {
    let own = name.strip_prefix("ANYSOCK_")?;
    let known = own.split_once('_').and_then(|(group, _)| GROUPS.into_iter().find(|known| *known == group));
    known.or_else(|| is_error(own).then_some("E"))
}

fn is_error(name: &str) -> bool {
    let names = error::NAMED.iter().map(|row| row.name).chain(error::ALIASES.iter().map(|alias| alias.name));
    names.into_iter().any(|error| error.to_str() == Ok(name))
}

/// Of a line of the header, the macro that it defines.
fn defined(line: &str) -> Option<&str> {
    line.strip_prefix("#define ")?.split(' ').next()
}

#[test]
fn every_macro_carries_its_group() {
    for name in header().lines().filter_map(defined) {
        let own = name.strip_prefix("ANYSOCK_").expect(name);
        assert!(group(name).is_some() || ALONE.contains(&own), "{name} has no group");
    }
}

#[test]
fn no_macro_is_a_name_in_other_case() {
    let header = header();
    let macros: Vec<_> = header.lines().filter_map(defined).map(str::to_lowercase).collect();
    let code =
        header.lines().filter(|line| !line.starts_with("#define ") && !line.trim_start().starts_with('*'));
    let words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let mut names = 0;
    for name in words.filter(|word| word.starts_with("anysock_")) {
        assert!(!macros.iter().any(|other| other == name), "{name} is a macro's name too");
        names += 1;
    }
    assert!(names > 50, "the header has more functions than {names}");
}

#[test]
fn no_field_is_a_word_that_a_language_keeps_for_itself() {
    let reserved: Vec<_> = RESERVED.split_whitespace().collect();
    let header = header();
    let mut fields = 0;
    let is_field = |line: &&str| {
        line.strip_prefix("  ").is_some_and(|field| field.ends_with(';') && !field.starts_with([' ', '*']))
    };
    for line in header.lines().filter(is_field) {
        let name = line.trim_end_matches(';').split([' ', '*']).next_back().unwrap();
        let name = name.split('[').next().unwrap().to_lowercase();
        assert!(!reserved.contains(&name.as_str()), "field {name} is a reserved word");
        fields += 1;
    }
    assert!(fields > 30, "the header has more fields than {fields}");
}
