//! Where the fields of a structure lie, by data model. Not here: the types (`source`).

use super::source::{CType, Source, Struct};

/// How long a pointer is, and how an `int64_t` is aligned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Model {
    pub name: &'static str,
    pub meaning: &'static str,
    pointer: usize,
    int64_alignment: usize,
}

pub const MODELS: [Model; 4] = [
    Model { name: "LP64", meaning: "64-bit Unix", pointer: 8, int64_alignment: 8 },
    Model { name: "LLP64", meaning: "64-bit Windows", pointer: 8, int64_alignment: 8 },
    Model { name: "ILP32", meaning: "32-bit ARM, 32-bit Windows", pointer: 4, int64_alignment: 8 },
    Model {
        name: "ILP32-i386",
        meaning: "32-bit x86 on Unix, where int64_t is aligned to 4",
        pointer: 4,
        int64_alignment: 4,
    },
];

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    pub size: usize,
    pub alignment: usize,
    /// Of each field.
    pub offsets: Vec<usize>,
}

/// Lays a structure out as C does: each field at the next place that fits its alignment.
pub fn of(source: &Source, structure: &Struct, model: Model) -> Result<Layout, String> {
    let (mut offsets, mut end, mut alignment) = (Vec::new(), 0_usize, 1);
    for field in &structure.fields {
        let (size, aligned) = extent(source, &field.kind, model)?;
        let offset = end.next_multiple_of(aligned);
        offsets.push(offset);
        end = offset + size;
        alignment = alignment.max(aligned);
    }
    Ok(Layout { size: end.next_multiple_of(alignment), alignment, offsets })
}

/// The size and the alignment of a type.
fn extent(source: &Source, kind: &CType, model: Model) -> Result<(usize, usize), String> {
    let (size, alignment) =
        if kind.is_pointer { (model.pointer, model.pointer) } else { scalar(source, &kind.base, model)? };
    Ok((size * kind.count.unwrap_or(1), alignment))
}

fn scalar(source: &Source, base: &str, model: Model) -> Result<(usize, usize), String> {
    if let Some(alias) = source.aliases.iter().find(|alias| alias.name == base) {
        return scalar(source, &alias.base, model);
    }
    if let Some(inner) = source.structs.iter().find(|inner| inner.name == base) {
        let layout = of(source, inner, model)?;
        return Ok((layout.size, layout.alignment));
    }
    Ok(match base {
        "uint8" => (1, 1),
        "uint16" => (2, 2),
        "int32" | "uint32" => (4, 4),
        "int64" => (8, model.int64_alignment),
        "size" => (model.pointer, model.pointer),
        _ => return Err(format!("{base} has no size")),
    })
}
