//! The floors of the house, read from the paths in the source: which folder of `src` may name which; that every file says
//! what it is; that the maps and CONTRIBUTING name what is there. Not here: whether the code does what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Who may not name whom: a folder, what a path begins with, why.
const RULES: [(&str, &str, &str); 7] = [
    ("src/ffi/", "crate::sys", "it calls core, which re-exports those types of sys that its functions take"),
    ("src/ffi/", "libc", "what the C library has is sys's"),
    ("src/core/", "crate::ffi", "core knows nothing of C"),
    ("src/core/", "libc", "what differs between systems is in sys"),
    ("src/core/", "windows_sys", "what differs between systems is in sys"),
    ("src/sys/", "crate::core", "sys knows nothing of handles"),
    ("src/sys/", "crate::ffi", "sys knows nothing of C"),
];

#[test]
fn data_flows_from_ffi_to_core_to_sys() {
    let mut wrong = Vec::new();
    for file in sources("src").into_iter().filter(|file| !is_test(file)) {
        for path in Paths::of(&file, &read(&file)) {
            let rule = RULES.iter().find(|(folder, root, _)| file.starts_with(folder) && begins(&path, root));
            if let Some((_, _, why)) = rule {
                wrong.push(format!("{file} names {path}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// These folders have floors, which the map in their `mod.rs` lists, top first: who stands on one names nobody above.
const FLOORED: [&str; 3] = ["src/core", "src/core/queue", "src/sys"];

#[test]
fn no_path_leads_up() {
    let tree = Tree::read();
    let mut wrong = Vec::new();
    for folder in FLOORED {
        let floors = floors(folder);
        let height = |file: &str| floors.iter().position(|floor| floor.contains(&entry(folder, file)));
        for (from, path, to) in tree.edges.iter().filter(|(from, _, to)| {
            from.starts_with(&format!("{folder}/")) && to.starts_with(&format!("{folder}/"))
        }) {
            // Small numbers are high.
            if let (Some(own), Some(other)) = (height(from), height(to)) {
                if other < own {
                    wrong.push(format!("{from} names {path}, which stands above it ({to})"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_go_in_no_circle() {
    let tree = Tree::read();
    let pairs = tree.edges.iter().map(|(from, _, to)| (from.clone(), to.clone()));
    let circles = circles(&pairs.collect());
    assert!(circles.is_empty(), "who changes one of these must know all: {circles:?}");
}

#[test]
fn folders_go_in_no_circle() {
    let tree = Tree::read();
    let mut pairs = BTreeSet::new();
    for (from, _, to) in &tree.edges {
        for folder in ["src", "src/core", "src/sys"] {
            let inside = |file: &str| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
            if inside(from) && inside(to) {
                let (from, to) = (entry(folder, from), entry(folder, to));
                pairs.insert((format!("{folder}/{from}"), format!("{folder}/{to}")));
            }
        }
    }
    let circles = circles(&pairs);
    assert!(circles.is_empty(), "{circles:?}");
}

/// What a back-end hands on to `core` has its contract in the list; `sys::option` has a list of its own, the tables.
#[test]
fn the_list_of_what_a_system_supplies_is_whole() {
    let map = read("src/sys/mod.rs");
    let rows = map.lines().filter(|line| line.starts_with("//! |"));
    let listed: BTreeSet<_> = rows.flat_map(|row| backticked_all(row).collect::<Vec<_>>()).collect();
    let listed: BTreeSet<_> = listed.iter().map(|name| name.trim_matches(['[', ']'])).collect();
    let tree = Tree::read();
    let mut missing = BTreeSet::new();
    let core =
        tree.modules.values().filter(|file| file.starts_with("src/core/") || file.starts_with("src/ffi/"));
    for name in core.flat_map(|file| names_of_sys(&words(&code(&read(file)))).into_iter().collect::<Vec<_>>())
    {
        if !listed.contains(name.as_str()) {
            missing.insert(name);
        }
    }
    assert!(missing.is_empty(), "src/sys/mod.rs has no contract for {missing:?}");
}

/// What ends the process when it gets no memory, or allocates for the thread that waits: a text, and where it may stand.
const NEEDS_MEMORY: [(&str, &[&str]); 5] = [
    // With debug assertions alone.
    ("thread_local!", &["src/core/lock.rs"]),
    ("thread::Builder", &["src/sys/process/windows.rs"]),
    ("thread::spawn", &[]),
    ("thread::current", &[]),
    ("once_cell::sync", &[]),
];

#[test]
fn nothing_ends_the_process_for_want_of_memory() {
    let mut wrong = Vec::new();
    let is_run = |file: &String| !file.ends_with("tests.rs") && !file.ends_with("models.rs");
    for file in sources("src").into_iter().filter(is_run) {
        let text = code(&read(&file));
        let text = text.split("mod tests {").next().unwrap().split("mod models {").next().unwrap();
        for (needs, allowed) in NEEDS_MEMORY {
            if text.contains(needs) && !allowed.contains(&file.as_str()) {
                wrong
                    .push(format!("{file} has {needs}: sys::ThreadLocal and sys::start_thread are for that"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is() {
    let all = ["src", "tests", "bindings/rust/src", "bindings/rust/tests", "bindings/rust/examples"];
    let silent: Vec<_> =
        all.iter().flat_map(|folder| sources(folder)).filter(|file| !opens(&read(file))).collect();
    assert!(silent.is_empty(), "without a line that says what it is: {silent:?}");
}

#[test]
fn the_maps_name_every_file() {
    for folder in FLOORED {
        let map = read(&format!("{folder}/mod.rs"));
        let modules = map.lines().filter_map(module).filter(|name| name != "tests");
        let modules: BTreeSet<_> = modules.collect();
        let rows = map.lines().filter_map(|line| line.strip_prefix("//! | `"));
        let named: BTreeSet<_> = rows.flat_map(|row| backticked(row.split(" |").next().unwrap())).collect();
        let missing: Vec<_> = modules.difference(&named).collect();
        assert!(missing.is_empty(), "{folder}/mod.rs has no row for {missing:?}");
        let files = sources(folder).into_iter().filter(|file| !is_test(file));
        let files: BTreeSet<_> = files.filter_map(|file| below(folder, &file)).collect();
        assert_eq!(modules, files, "the modules of {folder}/mod.rs and its files");
    }
}

#[test]
fn the_picture_shows_every_floor() {
    let text = read("CONTRIBUTING.md");
    let picture = text.split("```").nth(1).unwrap();
    let shown: BTreeSet<_> =
        picture.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    for floor in ["src/core", "src/sys"].into_iter().flat_map(floors).flatten() {
        assert!(shown.contains(floor.as_str()), "the picture in CONTRIBUTING.md lacks {floor}");
    }
}

#[test]
fn contributing_names_what_is_there() {
    let text = read("CONTRIBUTING.md");
    let mut missing = Vec::new();
    for line in text.lines() {
        let folder = line.strip_prefix("| `").and_then(|row| row.split('`').next()).unwrap_or("");
        for name in backticked_all(line).filter(|name| is_path(name)) {
            let known = [root().join(&name), root().join(folder).join(&name)];
            if !known.iter().any(|path| path.exists()) {
                missing.push(name);
            }
        }
    }
    assert!(missing.is_empty(), "CONTRIBUTING.md names what is not there: {missing:?}");
}

#[test]
fn contributing_names_commands_that_make_has() {
    let makefile = read("Makefile");
    let commands: Vec<_> =
        backticked_all(&read("CONTRIBUTING.md")).filter(|text| text.starts_with("make ")).collect();
    assert!(!commands.is_empty());
    let has =
        |command: &String| makefile.lines().any(|line| line.starts_with(&format!("{}:", &command[5..])));
    let missing: Vec<_> = commands.iter().filter(|command| !has(command)).collect();
    assert!(missing.is_empty(), "CONTRIBUTING.md names what the Makefile has not: {missing:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file below a folder, as a path from the repository's top.
fn sources(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files.extend(sources(&path));
        } else if path.ends_with(".rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Whether a path begins with these names, and not only with these letters.
fn begins(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether the first line is prose about the file. (A generated file has a plain comment.)
fn opens(text: &str) -> bool {
    let first = text.lines().next().unwrap_or("");
    ["//! ", "// "]
        .iter()
        .any(|mark| first.strip_prefix(mark).is_some_and(|line| line.split(' ').count() > 2))
}

/// The name in `mod name;`.
fn module(line: &str) -> Option<String> {
    let (_, name) = line.strip_suffix(';')?.split_once("mod ")?;
    (!line.starts_with("//")).then(|| name.to_string())
}

/// The module that a file of a folder is; none for what lies deeper, and for the map itself.
fn below(folder: &str, file: &str) -> Option<String> {
    let inside = file.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".rs")?;
    let name = inside.strip_suffix("/mod").unwrap_or(inside);
    (name != "mod" && !name.contains('/')).then(|| name.to_string())
}

/// What stands in backticks in the first cell of a row whose first backtick has been taken away.
fn backticked(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').step_by(2).map(str::to_string)
}

/// What stands in backticks.
fn backticked_all(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_string)
}

/// Whether it is meant as a path: `src/core/feature.rs`, but not a pattern of paths, a command or the flow between folders.
fn is_path(text: &str) -> bool {
    let plain = text.chars().all(|letter| letter.is_alphanumeric() || "/._-".contains(letter));
    let pattern = text.contains("LANGUAGE");
    plain
        && !pattern
        && (text.contains('/') || [".rs", ".md", ".sh", ".py", ".json"].iter().any(|end| text.ends_with(end)))
}

/// The floors of a folder, top first, from the first table of its map.
fn floors(folder: &str) -> Vec<BTreeSet<String>> {
    let map = read(&format!("{folder}/mod.rs"));
    let table = map.lines().skip_while(|line| !line.starts_with("//! | floor")).skip(2);
    let rows = table.map_while(|line| line.strip_prefix("//! | `"));
    rows.map(|row| backticked(row.split(" |").next().unwrap()).collect()).collect()
}

/// Which file or folder of a folder a file is, or lies in.
fn entry(folder: &str, file: &str) -> String {
    let inside = file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap_or(file);
    inside.split('/').next().unwrap().trim_end_matches(".rs").to_string()
}

/// What a file of `core` names of `sys`: `sys::close`, `use crate::sys::{Fd, close}`.
fn names_of_sys(words: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for at in 0..words.len().saturating_sub(2) {
        if words[at] != "sys" || words[at + 1] != "::" {
            continue;
        }
        match words[at + 2] {
            "{" => found.extend(
                words[at + 3..]
                    .iter()
                    .take_while(|word| **word != "}")
                    .filter(|word| !["self", ","].contains(word))
                    .map(|name| (*name).to_string()),
            ),
            "option" => {}
            name => drop(found.insert(name.to_string())),
        }
    }
    found
}

/// The circles of a graph: each is a set of those who reach each other.
fn circles(edges: &BTreeSet<(String, String)>) -> Vec<Vec<String>> {
    let mut next = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        next.entry(from).or_default().insert(to);
    }
    let reach = |start: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(node) = open.pop() {
            for other in next.get(node).into_iter().flatten() {
                if seen.insert((*other).to_string()) {
                    open.push(other);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<_, _> = next.keys().map(|node| (*node, reach(node))).collect();
    let mut found = BTreeSet::new();
    for (node, all) in reached.iter().filter(|(node, all)| all.contains(**node)) {
        let back = |other: &&String| reached.get(other.as_str()).is_some_and(|of| of.contains(*node));
        found.insert(all.iter().filter(back).cloned().collect::<Vec<_>>());
    }
    found.into_iter().collect()
}

/// The files of `src`, and who names what in whom.
struct Tree {
    /// The file of each module, by its path.
    modules: BTreeMap<String, String>,
    /// What each file defines at its top, and whether for others; which of its modules it hands on: a name, or `*` for all.
    defines: BTreeMap<String, BTreeMap<String, bool>>,
    hands_on: BTreeMap<String, BTreeSet<(String, String)>>,
    /// A file, a path in it, the file to which that leads.
    edges: BTreeSet<(String, String, String)>,
}

impl Tree {
    fn read() -> Self {
        let files: Vec<_> = sources("src").into_iter().filter(|file| !is_test(file)).collect();
        let codes: BTreeMap<_, _> = files.iter().map(|file| (file.clone(), code(&read(file)))).collect();
        let mut tree = Self {
            modules: files.iter().map(|file| (module_of(file).join("::"), file.clone())).collect(),
            defines: codes.iter().map(|(file, code)| (file.clone(), defined(&words(code)))).collect(),
            hands_on: BTreeMap::new(),
            edges: BTreeSet::new(),
        };
        for (file, code) in &codes {
            tree.hands_on.insert(file.clone(), tree.handed_on(file, &words(code)));
        }
        let spread = Spread::of(&codes);
        for file in &files {
            for path in Paths::of(file, &read(file)) {
                for to in tree.leads_to(file, &path).into_iter().filter(|to| to != file) {
                    tree.edges.insert((file.clone(), path.clone(), to));
                }
            }
            for (call, to) in spread.calls(file, &words(&codes[file])) {
                tree.edges.insert((file.clone(), call, to));
            }
            // What a folder's own file uses of its modules beside handing it on.
            for (module, to) in tree.used_children(file, &codes[file]) {
                tree.edges.insert((file.clone(), module, to));
            }
        }
        tree
    }

    /// The files that a path leads to: that which defines what it names, or several, of which each system has one.
    fn leads_to(&self, from: &str, path: &str) -> BTreeSet<String> {
        let names: Vec<_> = path.split("::").collect();
        let Some(length) = (1..=names.len()).rev().find(|length| self.file(&names[..*length]).is_some())
        else {
            return BTreeSet::new();
        };
        let file = self.file(&names[..length]).unwrap();
        match names.get(length) {
            None if length < 2 => BTreeSet::new(),
            None => BTreeSet::from([file.clone()]),
            // What is private is for the modules below.
            Some(name)
                if module_of(from).starts_with(&module_of(file))
                    && self.defines[file].contains_key(*name) =>
            {
                BTreeSet::from([file.clone()])
            }
            Some(name) => self.definers(file, name),
        }
    }

    fn file(&self, names: &[&str]) -> Option<&String> {
        self.modules.get(&names.join("::"))
    }

    fn definers(&self, file: &str, name: &str) -> BTreeSet<String> {
        if self.defines[file].get(name) == Some(&true) {
            return BTreeSet::from([file.to_string()]);
        }
        let handed_on = self.hands_on[file].iter().filter(|(what, _)| what == "*" || what == name);
        handed_on.flat_map(|(_, to)| self.definers(to, name)).collect()
    }

    /// What `pub use` hands on of the modules below a file.
    fn handed_on(&self, file: &str, words: &[&str]) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for (at, word) in words.iter().enumerate() {
            let is_public = words[..at].ends_with(&["pub"]) || words[..at].ends_with(&[")"]);
            if *word != "use" || !(is_public || file.ends_with("/mod.rs")) {
                continue;
            }
            let mut module = module_of(file);
            module.push(words[at + 1].to_string());
            let Some(to) = self.modules.get(&module.join("::")) else { continue };
            let rest = words[at + 2..].iter().take_while(|word| **word != ";");
            found.extend(
                rest.filter(|word| !["::", "{", "}", ","].contains(word))
                    .map(|name| ((*name).to_string(), to.clone())),
            );
        }
        found
    }

    /// The modules below a file that its own code uses, which is more than a list of them.
    fn used_children(&self, file: &str, code: &str) -> Vec<(String, String)> {
        let words = words(code);
        let own = module_of(file);
        let mut found = Vec::new();
        let mut private_use = false;
        for (at, word) in words.iter().enumerate() {
            match *word {
                "use" => private_use = !words[..at].ends_with(&["pub"]) && !words[..at].ends_with(&[")"]),
                ";" => private_use = true,
                _ => {}
            }
            if words.get(at + 1) == Some(&"::") && (at == 0 || words[at - 1] != "::") && private_use {
                let mut module = own.clone();
                module.push((*word).to_string());
                if let Some(to) = self.modules.get(&module.join("::")) {
                    found.push(((*word).to_string(), to.clone()));
                }
            }
        }
        found
    }
}

/// Whether a file holds nothing but tests.
fn is_test(file: &str) -> bool {
    file.ends_with("tests.rs")
}

fn module_of(file: &str) -> Vec<String> {
    let inside = file.strip_prefix("src/").unwrap().strip_suffix(".rs").unwrap();
    let names = inside.split('/').filter(|name| !["mod", "lib"].contains(name));
    ["crate"].into_iter().chain(names).map(str::to_string).collect()
}

/// What stands at the top of a file, and whether others may name it: functions, types, constants.
fn defined(words: &[&str]) -> BTreeMap<String, bool> {
    let mut depth = 0;
    let mut found = BTreeMap::new();
    for (at, word) in words.iter().enumerate() {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            "fn" | "struct" | "enum" | "type" | "const" | "static" | "trait" if depth == 0 => {
                let before = words[..at].iter().rev().find(|word| !["const", "unsafe"].contains(word));
                let is_public = matches!(before, Some(&("pub" | ")")));
                found.extend(words.get(at + 1).map(|name| ((*name).to_string(), is_public)));
            }
            // One of the C library's that is handed on, or a name for another.
            "libc" if depth == 0 && words[..at].ends_with(&[")", "use"]) => {
                let rest = words[at + 1..].iter().take_while(|word| **word != ";");
                found.extend(rest.map(|name| ((*name).to_string(), true)));
            }
            _ => {}
        }
    }
    found
}

/// Types whose methods lie in several files. A method is called without a path, so these calls are looked for by themselves.
struct Spread {
    /// Of each type, the file of each method.
    methods: BTreeMap<String, BTreeMap<String, String>>,
}

impl Spread {
    fn of(codes: &BTreeMap<String, String>) -> Self {
        let mut methods = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (file, code) in codes {
            for (name, body) in impls(&words(code)) {
                methods.entry(name).or_default().extend(methods_of(&body).map(|name| (name, file.clone())));
            }
        }
        methods.retain(|_, files| files.values().collect::<BTreeSet<_>>().len() > 1);
        Self { methods }
    }

    /// The methods that a file calls, and where they lie: of `self` in the type's own blocks, and of what is called after the type.
    fn calls(&self, file: &str, words: &[&str]) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (name, methods) in &self.methods {
            let inside = impls(words).into_iter().filter(|(of, _)| of == name);
            let own = inside.flat_map(|(_, body)| called(&body, "self"));
            let others = called(words, &name.to_lowercase());
            for method in own.chain(others) {
                let to = methods.get(&method).filter(|to| *to != file);
                found.extend(to.map(|to| (format!("{name}::{method}"), to.clone())));
            }
        }
        found
    }
}

/// The types that have blocks of methods of their own here, and the words of each block. Tests are left out.
fn impls<'a>(words: &[&'a str]) -> Vec<(String, Vec<&'a str>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        at = match words[at..] {
            ["#", "[", "cfg", "(", "test", ..] | ["#", "[", "cfg", "(", "all", "(", "test", ..] => {
                end_of_item(words, at)
            }
            ["impl", name, "{", ..] => {
                let end = end_of_item(words, at);
                found.push((name.to_string(), words[at + 2..end].to_vec()));
                end
            }
            _ => at + 1,
        };
    }
    found
}

/// The methods that a block defines.
fn methods_of(body: &[&str]) -> impl Iterator<Item = String> {
    body.windows(2).filter(|pair| pair[0] == "fn").map(|pair| pair[1].to_string())
}

/// The methods that are called of what has this name.
fn called(words: &[&str], receiver: &str) -> Vec<String> {
    let calls = words.windows(5).filter(|five| five[1] == receiver && five[2] == "." && five[4] == "(");
    calls.filter(|five| five[0] != ".").map(|five| five[3].to_string()).collect()
}

/// The paths in a file's code that lead out of it: from `crate`, from `super`, or from a crate for the system's calls.
struct Paths {
    found: BTreeSet<String>,
    /// The module in which the next word stands, and for each block around it whether it is a module's.
    module: Vec<String>,
    blocks: Vec<bool>,
}

impl Paths {
    /// Of a file of `src`, its tests left out.
    fn of(file: &str, text: &str) -> BTreeSet<String> {
        let mut paths = Self { found: BTreeSet::new(), module: module_of(file), blocks: Vec::new() };
        paths.read(&words(&code(text)));
        paths.found
    }

    fn read(&mut self, words: &[&str]) {
        let mut at = 0;
        while at < words.len() {
            at = match words[at..] {
                ["#", "[", "cfg", "(", "test", ..] | ["#", "[", "cfg", "(", "all", "(", "test", ..] => {
                    end_of_item(words, at)
                }
                // `pub(super)`, `pub(in crate::sys)`.
                ["pub", "(", ..] => at + words[at..].iter().position(|word| *word == ")").unwrap(),
                ["mod", name, "{", ..] => self.enter(name, at),
                ["{", ..] => self.block(at),
                ["}", ..] => self.leave(at),
                ["::", _, ..] => at + 2,
                ["crate" | "super" | "libc" | "windows_sys", ..] => self.path(words, at, Vec::new()),
                _ => at + 1,
            };
        }
    }

    fn enter(&mut self, name: &str, at: usize) -> usize {
        self.module.push(name.to_string());
        self.blocks.push(true);
        at + 3
    }

    fn block(&mut self, at: usize) -> usize {
        self.blocks.push(false);
        at + 1
    }

    fn leave(&mut self, at: usize) -> usize {
        if self.blocks.pop() == Some(true) {
            self.module.pop();
        }
        at + 1
    }

    /// Takes a path from its first word on, with every branch of a group (`crate::{core, sys}`); says where it ends.
    fn path(&mut self, words: &[&str], mut at: usize, mut path: Vec<String>) -> usize {
        loop {
            match words[at] {
                "{" => return self.group(words, at + 1, &path),
                "super" if path.is_empty() => path = self.module[..self.module.len() - 1].to_vec(),
                "super" => drop(path.pop()),
                "self" => {}
                word => path.push(word.to_string()),
            }
            if words.get(at + 1) != Some(&"::") {
                self.found.insert(path.join("::"));
                return at + 1;
            }
            at += 2;
        }
    }

    fn group(&mut self, words: &[&str], mut at: usize, path: &[String]) -> usize {
        while words[at] != "}" {
            at = match words[at] {
                "," => at + 1,
                "as" => at + 2,
                _ => self.path(words, at, path.to_vec()),
            };
        }
        at + 1
    }
}

/// Behind the item at which these words stand: its semicolon, or the end of its block.
fn end_of_item(words: &[&str], mut at: usize) -> usize {
    let mut depth = 0;
    while at < words.len() {
        match words[at] {
            "{" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The text without comments and without what stands in quotes.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => quote(rest),
            '\'' => character(rest),
            _ => {
                code.push(letter);
                letter.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    code
}

/// How long a text in quotes is.
fn quote(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// How long a character in quotes is; 1 for the quote of a lifetime.
fn character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    let Some((_, first)) = letters.next() else { return 1 };
    if first == '\\' {
        letters.next();
        return letters.find(|(_, letter)| *letter == '\'').map_or(1, |(at, _)| at + 1);
    }
    letters.next().filter(|(_, letter)| *letter == '\'').map_or(1, |(at, _)| at + 1)
}

/// Names, `::`, and every other letter by itself.
fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let name = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let length = match name {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            name => name,
        };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    words
}
