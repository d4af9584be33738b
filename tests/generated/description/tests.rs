//! That the description is right, and that the generator stops where it should.

use super::layout::{self, MODELS};
use super::source::Source;
use super::{classes, describe, read_source};
use anysock::core::error;
use anysock::ffi::types::*;
use std::mem::{align_of, offset_of, size_of};

/// The fields and places of a structure as the compiler has them.
macro_rules! real {
    ($name:ident: $($field:ident)*) => {
        (stringify!($name), size_of::<$name>(), align_of::<$name>(), vec![$((stringify!($field), offset_of!($name, $field))),*])
    };
}

#[test]
fn structures_lie_as_the_compiler_lays_them() {
    let real = [
        real!(anysock_handles: count handles),
        real!(anysock_buffer: data length),
        real!(anysock_address: family port length scope reserved bytes),
        real!(anysock_datagram: data length result address flags segment),
        real!(anysock_control: kind interface_index value pid uid gid reserved local_address destination),
        real!(anysock_message: size flags buffers buffer_count address controls control_count handles handle_count raw_control raw_length),
        real!(anysock_event: token handle events reserved),
        real!(anysock_op: token handle op flags data length value buffer),
        real!(anysock_done: token handle op flags result data value buffer),
    ];
    let host = if cfg!(target_pointer_width = "64") { MODELS[0] } else { MODELS[2] };
    let source = read_source().unwrap();
    assert_eq!(source.structs.len(), real.len(), "a structure is missing here");
    for (name, size, alignment, fields) in &real {
        let structure = source.structs.iter().find(|structure| structure.name == *name).unwrap();
        let layout = layout::of(&source, structure, host).unwrap();
        assert_eq!((layout.size, layout.alignment), (*size, *alignment), "{name}");
        let names = structure.fields.iter().map(|field| field.name.as_str());
        assert_eq!(names.zip(layout.offsets).collect::<Vec<_>>(), *fields, "{name}");
    }
}

#[test]
fn models_differ_where_pointers_and_alignments_do() {
    let source = read(
        "/// A.\n#[repr(C)] pub struct anysock_a {\n/// One.\npub one: i32,\n/// Two.\npub two: i64,\n/// (nullable) P.\npub p: *mut c_void }",
    )
    .unwrap();
    let of = |model| layout::of(&source, &source.structs[0], model).unwrap();
    assert_eq!((of(MODELS[0]).size, of(MODELS[0]).offsets), (24, vec![0, 8, 16]));
    assert_eq!((of(MODELS[2]).size, of(MODELS[2]).offsets), (24, vec![0, 8, 16]));
    assert_eq!((of(MODELS[3]).size, of(MODELS[3]).offsets), (16, vec![0, 4, 12]));
}

#[test]
fn every_exported_function_is_described() {
    let header = crate::header::header();
    let description = describe().unwrap();
    let described: Vec<_> = description["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|function| function["name"].as_str().unwrap())
        .collect();
    let code: Vec<_> =
        header.lines().filter(|line| !line.trim_start().starts_with(['/', '*', '#'])).collect();
    let declared = code.iter().filter_map(|line| line.split_once("anysock_")?.1.split_once('('));
    let declared: Vec<_> = declared.map(|(name, _)| format!("anysock_{name}")).collect();
    assert_eq!(described, declared);
}

#[test]
fn classes_are_those_of_errors_that_there_are() {
    for name in classes::mentioned() {
        assert!(error::NAMED.iter().any(|row| row.name.to_str() == Ok(name)), "{name} is no error");
    }
}

// Where the generator stops.

fn read(text: &str) -> Result<Source, String> {
    let mut source = Source::default();
    source.read("test", text)?;
    Ok(source)
}

/// A function that has nothing wrong with it, but for what a test puts in another's place.
const RIGHT: &str = r#"
/// Takes bytes.
///
/// @param h      A socket.
/// @param data   (in, length=length) The bytes.
/// @param length How many.
/// @return How many were taken. `ANYSOCK_EBADF`.
///
/// Blocks (bounded=write_timeout, woken=close|signal) until there is room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anysock_take(h: anysock_t, data: *const c_void, length: usize) -> i64 { 0 }
"#;

#[track_caller]
fn stops(right: &str, wrong: &str, why: &str) {
    assert!(RIGHT.contains(right), "{right:?} is not in the text");
    let complaint = read(&RIGHT.replacen(right, wrong, 1)).unwrap_err();
    assert!(complaint.contains(why), "{complaint:?} does not say {why:?}");
    assert!(complaint.contains("anysock_take"), "{complaint:?} does not say where");
}

#[test]
fn what_is_right_is_read() {
    let source = read(RIGHT).unwrap();
    let function = &source.functions[0];
    assert_eq!(function.parameters[1].doc.text, "The bytes.");
    assert_eq!(function.doc.remarks(), "Blocks until there is room.");
    let mark = source.blocking(function).unwrap().unwrap();
    assert_eq!((mark.list("bounded"), mark.list("woken")), (vec!["write_timeout"], vec!["close", "signal"]));
}

#[test]
fn a_pointer_without_a_mark_stops_it() {
    stops("(in, length=length) ", "", "parameter data: a pointer needs a mark");
    stops("in, length=length", "length=length", "a pointer needs a mark");
    stops("in, length=length", "in", "bytes without a length");
    stops("in, length=length", "out, length=length", "`*const`");
    stops("length=length", "length=size", "its length is no parameter");
    stops("in, length=length", "in, lenght=length", "no word \"lenght\"");
}

#[test]
fn a_parameter_without_a_comment_stops_it() {
    stops("/// @param h      A socket.\n", "", "no @param h");
    stops("/// @param length How many.\n", "", "no @param length");
    stops("@param length", "@param size", "no @param length");
    stops("length: usize", "length: usize, flags: i32", "no @param flags");
    stops(", length: usize)", ")", "@param length is no parameter");
}

#[test]
fn a_function_that_does_not_say_whether_it_blocks_stops_it() {
    stops("Blocks (", "Waits (", "does not say whether it blocks");
    stops("/// @return How many were taken. `ANYSOCK_EBADF`.\n", "", "no @return");
    stops("@return How many", "@return Something that", "@return begins with none of");
}

#[test]
fn a_type_that_c_has_not_stops_it() {
    stops("length: usize", "length: u128", "u128 is no type of the C interface");
    stops("data: *const c_void", "data: *const *const c_void", "a pointer to a pointer");
    stops("data: *const c_void", "data: &[u8]", "a type that C has not");
    stops(") -> i64", ")", "answers nothing");
}

#[test]
fn a_field_that_points_needs_a_mark_too() {
    let fields = |field: &str| format!("/// A.\n#[repr(C)] pub struct anysock_a {{ {field} }}");
    let complaint = read(&fields("/// P.\npub p: *mut c_void")).unwrap_err();
    assert!(complaint.contains("anysock_a.p: a pointer without a mark"), "{complaint}");
    let complaint = read(&fields("/// (length=n) P.\npub p: *mut c_void")).unwrap_err();
    assert!(complaint.contains("there is no field n"), "{complaint}");
    let complaint = read(&fields("pub n: i32")).unwrap_err();
    assert!(complaint.contains("anysock_a.n: no comment"), "{complaint}");
}
