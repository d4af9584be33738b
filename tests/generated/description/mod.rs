//! `include/anysock.json`: the C interface for machines, from which bindings are generated. Its shape is in
//! `include/anysock.schema.json`. Not here: how the source is read (`source`, `doc`).

mod classes;
mod doc;
mod layout;
mod print;
mod source;
#[cfg(test)]
mod tests;

use crate::header::{self, Macro, MacroValue, SECTIONS};
use crate::{names, pages};
use anysock::core::error::{self, Error};
use anysock::core::feature;
use anysock::core::name::kind::{Kind, NETS, Net};
use anysock::core::options::{self, Access, OptionSpec, Value as OptionValue};
use doc::{Mark, Marked};
use serde_json::{Value, json};
use socket2::{Domain, Type};
use source::{Answer, CType, Constant, Field, Function, Parameter, Source, Struct};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

#[test]
fn the_description_is_what_the_code_says() {
    let description = describe().unwrap_or_else(|why| panic!("{why}"));
    crate::check("include/anysock.json", &(print::pretty(&description) + "\n"));
    check_bindings();
}

/// The raw layers of languages are made of the description by a program of their own.
fn check_bindings() {
    let mut generator = Command::new(std::env::var_os("PYTHON").unwrap_or("python3".into()));
    generator.arg(crate::root().join("bindings/generate"));
    if std::env::var_os("ANYSOCK_BLESS").is_none() {
        generator.arg("--check");
    }
    let status = generator.status().expect("the generator of bindings needs python3");
    assert!(status.success(), "bindings are out of date: run `make header`");
}

fn describe() -> Result<Value, String> {
    let source = read_source()?;
    for function in &source.functions {
        check_mentions(&source, function)?;
    }
    Ok(json!({
        "$schema": "anysock.schema.json",
        "name": "anysock",
        "version": env!("CARGO_PKG_VERSION"),
        "abi": anysock::ffi::types::ANYSOCK_HEADER_ABI,
        "license": env!("CARGO_PKG_LICENSE"),
        "library": {
            "unix": "libanysock.so.0",
            "macos": "libanysock.0.dylib",
            "windows": "anysock.dll",
        },
        "handles": { "type": "anysock_t", "least": 1, "most": (1_i64 << 53) - 1 },
        "results": {
            "type": "int64",
            "error": "less than 0",
            "os_error_base": -20_000,
            "any_function": ["EINTERNAL"],
        },
        "data_models": data_models(),
        "sections": SECTIONS.iter().map(section).collect::<Vec<_>>(),
        "types": source.aliases.iter().map(alias).collect::<Vec<_>>(),
        "structs": collect(&source.structs, |structure| struct_of(&source, structure))?,
        "functions": collect(&source.functions, |function| function_of(&source, function))?,
        "constants": constants(&source),
        "events": collect(&in_group(&source, "EVENT"), event)?,
        "kinds": kinds().map(kind).collect::<Vec<_>>(),
        "features": feature::FEATURES.iter().map(|row| json!({ "name": row.name, "doc": row.meaning })).collect::<Vec<_>>(),
        "options": options::OPTIONS.iter().map(option).collect::<Vec<_>>(),
        "errors": errors_with_numbers(),
        "error_rules": classes::RULES.iter().map(|(language, rule)| ((*language).to_owned(), json!(rule))).collect::<serde_json::Map<_, _>>(),
    }))
}

fn read_source() -> Result<Source, String> {
    let mut source = Source::default();
    for section in SECTIONS {
        let path = format!("src/ffi/{}.rs", section.module);
        let text =
            std::fs::read_to_string(crate::root().join(&path)).map_err(|why| format!("{path}: {why}"))?;
        source.read(section.module, &text).map_err(|why| format!("{path}: {why}"))?;
    }
    Ok(source)
}

fn collect<T>(all: &[T], one: impl Fn(&T) -> Result<Value, String>) -> Result<Vec<Value>, String> {
    all.iter().map(one).collect()
}

fn data_models() -> Value {
    let model = |model: &layout::Model| (model.name.to_owned(), json!(model.meaning));
    layout::MODELS.iter().map(model).collect::<serde_json::Map<_, _>>().into()
}

fn section(section: &header::Section) -> Value {
    json!({ "name": section.module, "title": section.title, "page": section.page })
}

fn alias(alias: &source::Alias) -> Value {
    json!({ "name": alias.name, "type": alias.base, "doc": alias.doc.prose() })
}

// Structures.

fn struct_of(source: &Source, structure: &Struct) -> Result<Value, String> {
    check_offsets(source, structure)?;
    let layouts = layout::MODELS
        .map(|model| layout::of(source, structure, model).map(|layout| (model.name, layout)))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .map_err(|why| format!("{}: {why}", structure.name))?;
    let by_model = |number: &dyn Fn(&layout::Layout) -> usize| {
        let entry = |(name, layout): &(&str, layout::Layout)| ((*name).to_owned(), json!(number(layout)));
        Value::from(layouts.iter().map(entry).collect::<serde_json::Map<_, _>>())
    };
    let fields = structure.fields.iter().enumerate();
    let fields: Vec<_> =
        fields.map(|(place, field)| field_of(field, by_model(&|layout| layout.offsets[place]))).collect();
    Ok(json!({
        "name": structure.name,
        "doc": structure.doc.prose(),
        "size": by_model(&|layout| layout.size),
        "alignment": by_model(&|layout| layout.alignment),
        "size_field": size_field(structure),
        "fields": fields,
    }))
}

/// Comments of fields may say where they lie where a pointer has 8 bytes.
fn check_offsets(source: &Source, structure: &Struct) -> Result<(), String> {
    let layout = layout::of(source, structure, layout::MODELS[0])?;
    for (field, offset) in structure.fields.iter().zip(layout.offsets) {
        let said = field.doc.text.strip_prefix("At offset ").and_then(|rest| rest.split([':', ',']).next());
        if said.is_some_and(|said| said != offset.to_string()) {
            return Err(format!("{}.{}: lies at offset {offset}", structure.name, field.name));
        }
    }
    Ok(())
}

/// Of a structure that may grow, where its own size stands.
fn size_field(structure: &Struct) -> Value {
    let sized = structure.fields.iter().find(|field| field.doc.mark.has("size"));
    sized.map_or(Value::Null, |field| {
        json!({
            "name": field.name,
            "value": format!("sizeof({})", structure.name),
            "least": format!("up to and with {}", field.doc.mark.value("least").unwrap_or(&field.name)),
            "rule": "The caller sets it. What lies behind it counts as 0; a library that knows less than the caller takes it if the rest is 0.",
        })
    })
}

fn field_of(field: &Field, offset: Value) -> Value {
    json!({
        "name": field.name,
        "c": declared(&field.kind),
        "type": field.kind.base,
        "pointer": field.kind.is_pointer,
        "array": field.kind.count,
        "offset": offset,
        "length": field.doc.mark.value("length"),
        "nullable": nullable(&field.kind, &field.doc),
        "reserved": field.name.starts_with("reserved"),
        "doc": field.doc.text,
    })
}

/// When a pointer may be NULL. NULL with length 0 is fine everywhere.
fn nullable(kind: &CType, doc: &Marked) -> Value {
    match kind.is_pointer {
        false => Value::Null,
        true if doc.mark.has("nullable") => json!("always"),
        true if doc.mark.has("length") => json!("when_empty"),
        true => json!("never"),
    }
}

/// A type as C writes it, but for an array's length.
fn declared(kind: &CType) -> String {
    let base = match kind.base.as_str() {
        "size" => "size_t".to_owned(),
        base @ ("void" | "char") => base.to_owned(),
        base if base.starts_with("anysock_") => base.to_owned(),
        base => format!("{base}_t"),
    };
    let constant = if kind.is_const { "const " } else { "" };
    let star = if kind.is_pointer { " *" } else { "" };
    format!("{constant}{base}{star}")
}

// Functions.

fn function_of(source: &Source, function: &Function) -> Result<Value, String> {
    let answer = source.answer(function)?;
    Ok(json!({
        "name": function.name,
        "since": function.doc.since.as_deref().unwrap_or("0.1.0"),
        "section": function.section,
        "summary": function.doc.summary,
        "details": function.doc.details.join("\n\n"),
        "parameters": function.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "result": result(answer, &function.returns),
        "fails": fails(source, function)?,
        "errors": errors(source, function)?,
        "system_errors": answers(source, function)?.contains(SYSTEM),
        "blocking": blocking(source, function)?,
        "remarks": function.doc.remarks(),
    }))
}

fn parameter(parameter: &Parameter) -> Value {
    let Parameter { name, kind, doc } = parameter;
    let mark = &doc.mark;
    let mut described = json!({
        "name": name,
        "c": declared(kind),
        "type": kind.base,
        "pointer": kind.is_pointer,
        "direction": direction(mark),
    });
    let mut add = |key: &str, value: Value| described[key] = value;
    if kind.is_pointer {
        add("nullable", nullable(kind, doc));
        add("length", json!(mark.value("length")));
        add("retained", json!(false));
    }
    if kind.base == "char" {
        add("encoding", json!("utf-8"));
        add("terminated", json!(true));
    }
    if let Some(group) = mark.value("group") {
        add("group", json!(group));
    }
    if name.ends_with("_us") {
        add("unit", json!("microseconds"));
    }
    add("doc", json!(doc.text));
    described
}

fn result(answer: &Answer, doc: &str) -> Value {
    if *answer == Answer::Text {
        return json!({ "class": "text", "c": "const char *", "type": "char", "encoding": "utf-8", "lifetime": "static", "doc": doc });
    }
    json!({ "class": class(answer), "c": "int64_t", "type": "int64", "doc": doc })
}

fn direction(mark: &Mark) -> &'static str {
    ["out", "inout"].into_iter().find(|word| mark.has(word)).unwrap_or("in")
}

const fn class(answer: &Answer) -> &'static str {
    match answer {
        Answer::Zero => "zero",
        Answer::Handle => "handle",
        Answer::Count => "count",
        Answer::Length => "length",
        Answer::Boolean => "boolean",
        Answer::Descriptor => "descriptor",
        Answer::Number => "number",
        Answer::Text | Answer::As(_) => "text",
    }
}

fn fails(source: &Source, function: &Function) -> Result<bool, String> {
    Ok(!errors(source, function)?.is_empty())
}

/// Stands among a function's errors for any that the system may have.
const SYSTEM: &str = "system's errors";

/// What a comment says of errors, and those say to which it refers.
fn answers(source: &Source, function: &Function) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    gather(source, function, &mut found, &mut BTreeSet::new())?;
    Ok(found)
}

/// The errors that a function has by name, in the order of the table.
fn errors(source: &Source, function: &Function) -> Result<Vec<&'static str>, String> {
    let found = answers(source, function)?;
    let all = error::NAMED.iter().map(|row| row.name.to_str().unwrap());
    Ok(all.filter(|name| found.contains(*name)).collect())
}

fn gather(
    source: &Source,
    function: &Function,
    found: &mut BTreeSet<String>,
    seen: &mut BTreeSet<String>,
) -> Result<(), String> {
    if !seen.insert(function.name.clone()) {
        return Ok(());
    }
    if function.returns.contains(SYSTEM) {
        found.insert(SYSTEM.to_owned());
    }
    for name in quoted(&function.returns, "ANYSOCK_E") {
        let own = name.trim_start_matches("ANYSOCK_");
        if own.starts_with("EAI_") {
            let resolver = error::NAMED.iter().map(|row| row.name.to_str().unwrap());
            found.extend(resolver.filter(|name| name.starts_with("EAI_")).map(str::to_owned));
        }
        found.insert(own.to_owned());
    }
    for (before, name) in references(&function.returns) {
        if ["As ", "as ", "As for ", "as for "].iter().any(|words| before.ends_with(words)) {
            gather(source, source.other(function, name)?, found, seen)?;
        }
    }
    Ok(())
}

/// The words between backticks that begin so.
fn quoted<'a>(text: &'a str, beginning: &'a str) -> impl Iterator<Item = &'a str> {
    text.split('`').skip(1).step_by(2).filter(move |word| word.starts_with(beginning))
}

/// The functions between backticks, with the text before them.
fn references(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts: Vec<_> = text.split('`').collect();
    let pairs: Vec<_> =
        parts.chunks(2).filter(|pair| pair.len() == 2).map(|pair| (pair[0], pair[1])).collect();
    pairs.into_iter().filter(|(_, name)| name.starts_with("anysock_") && !name.contains('('))
}

fn blocking(source: &Source, function: &Function) -> Result<Value, String> {
    let Some(mark) = source.blocking(function)? else {
        return Ok(json!({ "class": "never" }));
    };
    let complaint = |why: String| format!("{}: {why}", function.name);
    mark.allow(&["bounded", "woken"]).map_err(complaint)?;
    for bound in mark.list("bounded") {
        let is_parameter = function.parameters.iter().any(|parameter| parameter.name == bound);
        if !is_parameter && !options::OPTIONS.iter().any(|row| row.name == bound) {
            return Err(complaint(format!("\"{bound}\" bounds it, which is no option and no parameter")));
        }
    }
    for waker in mark.list("woken") {
        if !["close", "shutdown", "signal", "wake"].contains(&waker) {
            return Err(complaint(format!("nothing is woken by \"{waker}\"")));
        }
    }
    Ok(json!({ "class": "maybe", "bounded_by": mark.list("bounded"), "woken_by": mark.list("woken") }))
}

/// What a comment speaks of must be there.
fn check_mentions(source: &Source, function: &Function) -> Result<(), String> {
    let text = [function.doc.prose(), function.returns.clone(), function.doc.remarks()].join(" ");
    let parameters = function.parameters.iter().map(|parameter| parameter.doc.text.clone());
    let text = parameters.fold(text, |all, one| all + " " + &one);
    let names = all_names(source);
    for word in quoted(&text, "").filter(|word| word.to_lowercase().starts_with("anysock_")) {
        let name = word.split(['(', '.']).next().unwrap();
        if !names.contains(name) {
            return Err(format!("{}: its comment speaks of {name}, which is not there", function.name));
        }
    }
    Ok(())
}

fn all_names(source: &Source) -> BTreeSet<String> {
    let functions = source.functions.iter().map(|function| function.name.clone());
    let structs = source.structs.iter().map(|structure| structure.name.clone());
    let constants = source.constants.iter().map(|constant| constant.name.clone());
    let aliases = source.aliases.iter().map(|alias| alias.name.clone());
    let macros = header::table_macros().into_iter().map(|found| found.name);
    functions.chain(structs).chain(constants).chain(aliases).chain(macros).collect()
}

// Constants.

fn constants(source: &Source) -> Vec<Value> {
    let constant = |name: &str, kind: &str, value: Value, doc: &str| json!({ "name": name, "group": names::group(name), "type": kind, "value": value, "doc": doc });
    let of_tables = header::table_macros().into_iter().map(|Macro { name, doc, value }| match value {
        MacroValue::Version(text) | MacroValue::Option(text) => constant(&name, "text", json!(text), &doc),
        MacroValue::Error(code) | MacroValue::Alias(_, code) => constant(&name, "int64", json!(code), &doc),
    });
    let declared = source.constants.iter().map(|declared| {
        let Constant { name, base, value, doc } = declared;
        constant(name, base, json!(value), &doc.prose())
    });
    of_tables.chain(declared).collect()
}

fn in_group(source: &Source, group: &str) -> Vec<Constant> {
    source.constants.iter().filter(|constant| names::group(&constant.name) == Some(group)).cloned().collect()
}

fn event(constant: &Constant) -> Result<Value, String> {
    let doc = constant.doc.prose();
    let (asked, reported) = match doc.split_once(':').map(|(when, _)| when) {
        Some("Asked for and reported") => (true, true),
        Some("Reported with the others") => (false, true),
        Some("Asked for") => (true, false),
        _ => return Err(format!("{}: says neither \"Asked for:\" nor \"Reported\"", constant.name)),
    };
    Ok(
        json!({ "name": constant.name, "value": constant.value, "asked_for": asked, "reported": reported, "doc": doc }),
    )
}

// The tables of the engine.

/// Each name once: two kinds of adopted descriptors share theirs.
fn kinds() -> impl Iterator<Item = &'static str> {
    NETS.iter().filter(|(net, _)| *net != Net::File).map(|(_, name)| *name)
}

fn kind(name: &str) -> Value {
    let raw = name == "ip4" || name == "ip6";
    let spelled = if raw { format!("{name}:icmp") } else { name.to_owned() };
    let opened = Kind::parse(&spelled).ok();
    let families = match opened.map(Kind::family) {
        None => vec![],
        Some(None) => vec!["ipv4", "ipv6"],
        Some(Some(Domain::IPV4)) => vec!["ipv4"],
        Some(Some(Domain::IPV6)) => vec!["ipv6"],
        Some(Some(_)) => vec!["unix"],
    };
    let transport = opened.map(|kind| match kind.transport() {
        Type::DGRAM => "datagram",
        Type::SEQPACKET => "seqpacket",
        Type::RAW => "raw",
        _ => "stream",
    });
    json!({
        "name": name,
        "opened": opened.is_some(),
        "protocol": raw,
        "families": families,
        "type": transport,
        "connected": opened.is_some_and(Kind::is_connected_kind),
    })
}

fn option(row: &OptionSpec) -> Value {
    let name = header::option_macro(row.name);
    json!({
        "name": row.name,
        "constant": name,
        "value": option_value(row.value),
        "text": row.value.is_text(),
        "access": match row.access {
            Access::Read => "read",
            Access::Write => "set",
            Access::ReadWrite => "read_and_set",
        },
        "handles": pages::scope(row.scope),
        "systems": pages::systems(row),
        "doc": one_line(row.doc),
    })
}

fn option_value(value: OptionValue) -> Value {
    let bound =
        |number: i64| if number == i64::MIN || number == i64::MAX { Value::Null } else { json!(number) };
    match value {
        OptionValue::Switch => json!({ "type": "switch", "least": 0, "most": 1 }),
        OptionValue::Number { least, most } => {
            json!({ "type": "number", "least": bound(least), "most": bound(most) })
        }
        OptionValue::Time { least, most } => {
            json!({ "type": "time", "unit": "microseconds", "least": bound(least), "most": bound(most) })
        }
        OptionValue::Text => json!({ "type": "text" }),
        OptionValue::Interface => json!({ "type": "interface" }),
        OptionValue::Group => json!({ "type": "group" }),
        OptionValue::SourceGroup => json!({ "type": "source_group" }),
    }
}

/// By code, the name of a system and which of its own numbers mean that error.
type OsNumbers = BTreeMap<i64, Vec<(&'static str, Vec<i32>)>>;

fn errors_with_numbers() -> Vec<Value> {
    let mut all = OsNumbers::new();
    for (name, system) in pages::SYSTEMS {
        for number in 1..=20_000 {
            let systems = all.entry(Error::from_os(system, number).code()).or_default();
            match systems.last_mut() {
                Some((last, numbers)) if *last == name => numbers.push(number),
                _ => systems.push((name, vec![number])),
            }
        }
    }
    error::NAMED.iter().map(|row| error_of(row, &all)).collect()
}

fn error_of(row: &error::Described, os_numbers: &OsNumbers) -> Value {
    let (name, message) = (row.name.to_str().unwrap(), row.message.to_str().unwrap());
    let resolver = name.starts_with("EAI_");
    let aliases = error::ALIASES.iter().filter(|alias| alias.error.code() == row.code);
    let systems = os_numbers.get(&row.code).into_iter().flatten();
    let systems = systems.map(|(system, numbers)| ((*system).to_owned(), json!(numbers)));
    let classes = classes::of(name);
    json!({
        "name": name,
        "constant": format!("ANYSOCK_{name}"),
        "code": row.code,
        "source": if resolver { "resolver" } else if name == "EINTERNAL" { "library" } else { "errno" },
        "aliases": aliases.map(|alias| alias.name.to_str().unwrap()).collect::<Vec<_>>(),
        "message": message,
        "os_numbers": systems.collect::<serde_json::Map<_, _>>(),
        "classes": {
            "python": classes.python,
            "java": classes.java,
            "dotnet": classes.dotnet,
            "rust": classes.rust,
            "cpp": classes.cpp,
        },
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
