//! Every text that the library reads: kinds, addresses, names of options and features, interfaces and groups in option
//! values. A text never does more than fail, and an address that is taken comes back as a text that means the same.
#![no_main]

use anysock::ffi::address::{anysock_address_format, anysock_address_parse};
use anysock::ffi::library::anysock_has;
use anysock::ffi::life::{anysock_close, anysock_open};
use anysock::ffi::names::anysock_resolve;
use anysock::ffi::options::{anysock_get, anysock_get_text, anysock_set, anysock_set_text};
use libfuzzer_sys::fuzz_target;
use std::ffi::{CStr, c_char};

const KINDS: [&CStr; 9] =
    [c"tcp", c"tcp4", c"tcp6", c"udp", c"udp6", c"unix", c"unixgram", c"ip4:1", c"ip6:58"];
const TEXT: usize = 512;

// The first byte says whom the text is for, the second the kind.
fuzz_target!(|data: &[u8]| {
    let [which, kind, bytes @ ..] = data else { return };
    let mut text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    text.push(0);
    let kind = KINDS[*kind as usize % KINDS.len()].as_ptr();
    // SAFETY: every text ends with a NUL, every place outlives its call.
    unsafe {
        match which % 5 {
            0 => address(kind, text.as_ptr().cast()),
            1 => address(text.as_ptr().cast(), kind),
            2 => option(kind, text.as_ptr().cast()),
            3 => group(kind, text.as_ptr().cast()),
            _ => drop(anysock_has(text.as_ptr().cast())),
        }
    }
});

/// # Safety
/// Both are texts.
unsafe fn address(kind: *const c_char, text: *const c_char) {
    let mut first = [0u32; 32];
    let mut said = [0 as c_char; TEXT];
    // SAFETY: as above.
    unsafe {
        if anysock_address_parse(kind, text, first.as_mut_ptr().cast()) != 0 {
            assert!(first.iter().all(|word| *word == 0), "an error, and something is stored");
            return;
        }
        let length = anysock_address_format(first.as_ptr().cast(), said.as_mut_ptr(), TEXT);
        assert!(length > 0 && length < TEXT as i64, "an address has no text: {length}");
        let mut second = [0u32; 32];
        let again = anysock_address_parse(kind, said.as_ptr(), second.as_mut_ptr().cast());
        assert!(again == 0 || is_raw(kind), "its text is no address: {again}");
        assert!(again != 0 || first == second, "its text is another address");
        // An address in numbers needs nobody to be asked.
        let resolved = anysock_resolve(kind, text, 0, said.as_mut_ptr(), TEXT);
        assert!(resolved > 0, "it does not resolve: {resolved}");
    }
}

/// Raw kinds take a host without a port, but an address always has one.
///
/// # Safety
/// It is a text.
unsafe fn is_raw(kind: *const c_char) -> bool {
    // SAFETY: as above.
    unsafe { CStr::from_ptr(kind) }.to_bytes().starts_with(b"ip")
}

/// # Safety
/// Both are texts.
unsafe fn option(kind: *const c_char, name: *const c_char) {
    let mut value = 0;
    let mut said = [0 as c_char; TEXT];
    // SAFETY: as above.
    unsafe {
        let h = anysock_open(kind);
        let got = anysock_get(h, name, &raw mut value);
        anysock_get_text(h, name, said.as_mut_ptr(), TEXT);
        if got == 0 {
            anysock_set(h, name, value);
        }
        anysock_close(h);
    }
}

/// # Safety
/// Both are texts.
unsafe fn group(kind: *const c_char, text: *const c_char) {
    // SAFETY: as above.
    unsafe {
        let h = anysock_open(kind);
        for name in [
            c"ip.multicast_leave",
            c"ip.multicast_leave_source",
            c"ipv6.multicast_leave",
            c"ip.multicast_interface",
        ] {
            anysock_set_text(h, name.as_ptr(), text);
        }
        anysock_close(h);
    }
}
