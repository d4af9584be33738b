//! Addresses as flat memory: whatever stands in the 128 bytes, they are refused, or their text is an address that is
//! these bytes again.
#![no_main]

use anysock::ffi::address::{anysock_address_format, anysock_address_parse};
use libfuzzer_sys::fuzz_target;
use std::ffi::c_char;

const TEXT: usize = 512;

fuzz_target!(|data: &[u8]| {
    let mut first = [0u32; 32];
    for (place, byte) in data.iter().take(128).enumerate() {
        first[place / 4] |= u32::from(*byte) << (8 * (place % 4));
    }
    let mut said = [0 as c_char; TEXT];
    // SAFETY: the text ends with a NUL, every place outlives its call.
    unsafe {
        let length = anysock_address_format(first.as_ptr().cast(), said.as_mut_ptr(), TEXT);
        if length <= 0 {
            return;
        }
        let kind = match first[0] {
            1 => c"unix",
            2 => c"udp4",
            _ => c"udp6",
        };
        let mut second = [0u32; 32];
        let parsed = anysock_address_parse(kind.as_ptr(), said.as_ptr(), second.as_mut_ptr().cast());
        // A path may have bytes that no text has; IPv4 in IPv6 is told as IPv4.
        assert!(parsed == 0 || first[0] == 1 || is_mapped(&first), "its text is no address: {parsed}");
        let mut again = [0 as c_char; TEXT];
        if parsed == 0 {
            assert_eq!(anysock_address_format(second.as_ptr().cast(), again.as_mut_ptr(), TEXT), length);
            assert!(again == said, "its text is another address");
        }
    }
});

fn is_mapped(address: &[u32; 32]) -> bool {
    address[0] == 10 && address[4..7] == [0, 0, 0xffff_0000]
}
