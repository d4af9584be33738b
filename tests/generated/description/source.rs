//! The C interface as its Rust source declares it: constants, structures, functions. It stops at what it does not know, at a
//! parameter that is not documented, a pointer without a mark, an answer of no known sort, and a function that does not say
//! whether it blocks. Not here: how comments are read (`doc`), and what is written (`json`).

use super::doc::{Blocking, Doc, Mark, Marked};
use syn::{Attribute, Expr, FnArg, Item, Lit, Meta, Pat, ReturnType, Type, UnOp, Visibility};

/// A type of C: what it is of, and whether it is a pointer or an array.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CType {
    /// `int32`, `size`, `char`, `void`, `anysock_t`, `anysock_buffer`.
    pub base: String,
    /// What a pointer may not change.
    pub is_const: bool,
    pub is_pointer: bool,
    /// How many, of an array in a structure.
    pub count: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Constant {
    pub name: String,
    pub base: String,
    pub value: i64,
    pub doc: Doc,
}

#[derive(Clone, Debug)]
pub struct Alias {
    pub name: String,
    pub base: String,
    pub doc: Doc,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub kind: CType,
    pub doc: Marked,
}

#[derive(Clone, Debug)]
pub struct Struct {
    pub name: String,
    pub fields: Vec<Field>,
    pub doc: Doc,
}

#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    pub kind: CType,
    pub doc: Marked,
}

/// What a function returns, when it is no error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Zero,
    Handle,
    Count,
    Length,
    Boolean,
    Descriptor,
    Number,
    Text,
    /// As another function.
    As(String),
}

#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    /// The part of the manual.
    pub section: &'static str,
    pub parameters: Vec<Parameter>,
    pub answer: Answer,
    pub returns: String,
    pub blocking: Blocking,
    pub doc: Doc,
}

/// All that a file, or several, declare.
#[derive(Clone, Default, Debug)]
pub struct Source {
    pub constants: Vec<Constant>,
    pub aliases: Vec<Alias>,
    pub structs: Vec<Struct>,
    pub functions: Vec<Function>,
}

impl Source {
    /// Adds what a file declares.
    pub fn read(&mut self, section: &'static str, text: &str) -> Result<(), String> {
        let file = syn::parse_file(text).map_err(|error| error.to_string())?;
        for item in &file.items {
            self.add(section, item)?;
        }
        Ok(())
    }

    fn add(&mut self, section: &'static str, item: &Item) -> Result<(), String> {
        match item {
            Item::Const(item) if is_public(&item.vis) => {
                let name = item.ident.to_string();
                let value = number(&item.expr).ok_or(format!("{name}: a value that is no number"))?;
                let base = c_type(&item.ty).map_err(|why| format!("{name}: {why}"))?.base;
                self.constants.push(Constant { name, base, value, doc: doc(&item.attrs) });
            }
            Item::Type(item) if is_public(&item.vis) => {
                let base = c_type(&item.ty)?.base;
                self.aliases.push(Alias { name: item.ident.to_string(), base, doc: doc(&item.attrs) });
            }
            Item::Struct(item) if is_public(&item.vis) => self.structs.push(structure(item)?),
            Item::Fn(item) if is_exported(item) => {
                let name = item.sig.ident.to_string();
                let function = function(section, item).map_err(|why| format!("{name}: {why}"))?;
                self.functions.push(function);
            }
            _ => {}
        }
        Ok(())
    }

    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// How a function blocks, whichever function it says so by.
    pub fn blocking<'a>(&'a self, function: &'a Function) -> Result<Option<&'a Mark>, String> {
        match &function.blocking {
            Blocking::Never => Ok(None),
            Blocking::Maybe(mark) => Ok(Some(mark)),
            Blocking::As(other) => self.blocking(self.other(function, other)?),
        }
    }

    /// What a function returns, whichever function it says so by.
    pub fn answer<'a>(&'a self, function: &'a Function) -> Result<&'a Answer, String> {
        match &function.answer {
            Answer::As(other) => self.answer(self.other(function, other)?),
            answer => Ok(answer),
        }
    }

    /// A function that the comment of another speaks of.
    pub fn other(&self, function: &Function, other: &str) -> Result<&Function, String> {
        let found = self.function(other).filter(|found| found.name != function.name);
        found.ok_or_else(|| format!("{}: there is no other function {other}", function.name))
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_exported(item: &syn::ItemFn) -> bool {
    is_public(&item.vis) && item.sig.abi.is_some()
}

fn doc(attributes: &[Attribute]) -> Doc {
    Doc::read(&comment(attributes))
}

fn comment(attributes: &[Attribute]) -> Vec<String> {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect()
}

fn number(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok(),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => number(&unary.expr).map(|number| -number),
        _ => None,
    }
}

/// What C calls a type of Rust.
fn c_type(kind: &Type) -> Result<CType, String> {
    match kind {
        Type::Ptr(pointer) => {
            let target = c_type(&pointer.elem)?;
            if target.is_pointer {
                return Err("a pointer to a pointer: no language likes these".to_owned());
            }
            Ok(CType { is_pointer: true, is_const: pointer.const_token.is_some(), ..target })
        }
        Type::Array(array) => {
            let count = number(&array.len).ok_or("an array whose length is no number")?;
            Ok(CType { count: Some(count as usize), ..c_type(&array.elem)? })
        }
        Type::Path(path) => {
            let name = path.path.segments.last().ok_or("a type without a name")?.ident.to_string();
            Ok(CType { base: base(&name)?, is_const: false, is_pointer: false, count: None })
        }
        _ => Err("a type that C has not".to_owned()),
    }
}

fn base(name: &str) -> Result<String, String> {
    Ok(match name {
        "c_void" => "void",
        "c_char" => "char",
        "u8" => "uint8",
        "u16" => "uint16",
        "u32" => "uint32",
        "i32" => "int32",
        "i64" => "int64",
        "usize" => "size",
        name if name.starts_with("anysock_") => name,
        _ => return Err(format!("{name} is no type of the C interface")),
    }
    .to_owned())
}

fn structure(item: &syn::ItemStruct) -> Result<Struct, String> {
    let name = item.ident.to_string();
    let mut fields = Vec::new();
    for field in &item.fields {
        let ident = field.ident.as_ref().ok_or("a field without a name")?;
        let place = format!("{name}.{ident}");
        let kind = c_type(&field.ty).map_err(|why| format!("{place}: {why}"))?;
        let prose = Doc::read(&comment(&field.attrs)).prose();
        let doc = Marked::read(&prose);
        if doc.text.is_empty() {
            return Err(format!("{place}: no comment"));
        }
        doc.mark.allow(&["length", "nullable", "size", "least"]).map_err(|why| format!("{place}: {why}"))?;
        if kind.is_pointer && !doc.mark.has("length") && !doc.mark.has("nullable") {
            return Err(format!("{place}: a pointer without a mark, (length=FIELD) or (nullable)"));
        }
        fields.push(Field { name: ident.to_string(), kind, doc });
    }
    let known = |name: &str| fields.iter().any(|field| field.name == name);
    for field in &fields {
        let named = [field.doc.mark.value("length"), field.doc.mark.value("least")];
        if let Some(missing) = named.into_iter().flatten().find(|named| !known(named)) {
            return Err(format!("{name}.{}: there is no field {missing}", field.name));
        }
    }
    Ok(Struct { name, fields, doc: doc(&item.attrs) })
}

fn function(section: &'static str, item: &syn::ItemFn) -> Result<Function, String> {
    let doc = doc(&item.attrs);
    let parameters = parameters(item, &doc)?;
    let returns = doc.returns.clone().ok_or("no @return")?;
    let kind = match &item.sig.output {
        ReturnType::Type(_, kind) => c_type(kind)?,
        ReturnType::Default => return Err("answers nothing".to_owned()),
    };
    let blocking = doc.blocking()?;
    Ok(Function {
        name: item.sig.ident.to_string(),
        section,
        parameters,
        answer: answer(&kind, &returns)?,
        returns,
        blocking,
        doc,
    })
}

fn parameters(item: &syn::ItemFn, doc: &Doc) -> Result<Vec<Parameter>, String> {
    let mut all = Vec::new();
    for input in &item.sig.inputs {
        let FnArg::Typed(input) = input else { return Err("a method".to_owned()) };
        let Pat::Ident(pattern) = &*input.pat else { return Err("a parameter without a name".to_owned()) };
        let name = pattern.ident.to_string().trim_start_matches("r#").to_owned();
        let kind = c_type(&input.ty).map_err(|why| format!("parameter {name}: {why}"))?;
        let said = doc.parameters.get(all.len()).filter(|(said, _)| *said == name);
        let (_, doc) = said.ok_or(format!("no @param {name}, or not in its place"))?;
        check_mark(&kind, &doc.mark).map_err(|why| format!("parameter {name}: {why}"))?;
        all.push(Parameter { name, kind, doc: doc.clone() });
    }
    if let Some((name, _)) = doc.parameters.get(all.len()) {
        return Err(format!("@param {name} is no parameter"));
    }
    for parameter in &all {
        let length = parameter.doc.mark.value("length");
        if length.is_some_and(|length| !all.iter().any(|other| other.name == length)) {
            return Err(format!("parameter {}: its length is no parameter", parameter.name));
        }
    }
    Ok(all)
}

fn check_mark(kind: &CType, mark: &Mark) -> Result<(), String> {
    if !kind.is_pointer {
        return mark.allow(&["group"]);
    }
    mark.allow(&["in", "out", "inout", "nullable", "length"])?;
    let directions = ["in", "out", "inout"].iter().filter(|word| mark.has(word)).count();
    if directions != 1 {
        return Err("a pointer needs a mark with one of in, out, inout, as (out, length=capacity)".to_owned());
    }
    if kind.is_const != mark.has("in") {
        return Err("what is only read is `*const` and (in), and nothing else is".to_owned());
    }
    if kind.base == "void" && !mark.has("length") {
        return Err("bytes without a length".to_owned());
    }
    Ok(())
}

/// What each sort of answer begins with in the comment.
const ANSWERS: [(&str, Answer); 9] = [
    ("0.", Answer::Zero),
    ("0 to", Answer::Zero),
    ("A handle", Answer::Handle),
    ("The handle", Answer::Handle),
    ("How many", Answer::Count),
    ("The full length", Answer::Length),
    ("1 or 0", Answer::Boolean),
    ("The descriptor", Answer::Descriptor),
    ("The number", Answer::Number),
];

fn answer(kind: &CType, returns: &str) -> Result<Answer, String> {
    if kind.is_pointer {
        return Ok(Answer::Text);
    }
    if let Some(rest) = returns.strip_prefix("As `") {
        return Ok(Answer::As(rest.split('`').next().unwrap_or_default().to_owned()));
    }
    let known = ANSWERS.iter().find(|(beginning, _)| returns.starts_with(beginning));
    match known {
        Some((_, answer)) => Ok(answer.clone()),
        None => Err(format!("@return begins with none of {:?}", ANSWERS.map(|(beginning, _)| beginning))),
    }
}
