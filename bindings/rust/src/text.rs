//! Texts and times on their way into the library, and texts on their way out. Not here: what they mean.

use crate::abi::{ANYSOCK_EILSEQ, ANYSOCK_EINVAL};
use std::ffi::{CStr, CString, c_char};
use std::time::Duration;

/// Texts up to this length are not allocated.
const SHORT: usize = 128;

/// What may be given where the library takes a text: `&str`, `String` and their NUL-terminated siblings, which cost less. One with a NUL
/// inside is `EINVAL`.
pub trait Text {
    /// Hands the text to a call, with a NUL at its end; what that answers.
    fn with(&self, call: impl FnOnce(*const c_char) -> i64) -> i64;
}

impl Text for CStr {
    fn with(&self, call: impl FnOnce(*const c_char) -> i64) -> i64 {
        call(self.as_ptr())
    }
}

impl Text for str {
    fn with(&self, call: impl FnOnce(*const c_char) -> i64) -> i64 {
        let mut room = [0; SHORT];
        if let Some(place) = room.get_mut(..self.len()).filter(|_| self.len() < SHORT) {
            place.copy_from_slice(self.as_bytes());
            return CStr::from_bytes_with_nul(&room[..=self.len()])
                .map_or(ANYSOCK_EINVAL, |text| text.with(call));
        }
        CString::new(self).map_or(ANYSOCK_EINVAL, |text| text.as_c_str().with(call))
    }
}

impl Text for String {
    fn with(&self, call: impl FnOnce(*const c_char) -> i64) -> i64 {
        self.as_str().with(call)
    }
}

impl Text for CString {
    fn with(&self, call: impl FnOnce(*const c_char) -> i64) -> i64 {
        self.as_c_str().with(call)
    }
}

impl<T: Text + ?Sized> Text for &T {
    fn with(&self, call: impl FnOnce(*const c_char) -> i64) -> i64 {
        (**self).with(call)
    }
}

/// A text of any length from a call that fills memory and says how long the text is; or its error.
pub fn filled(mut call: impl FnMut(*mut c_char, usize) -> i64) -> Result<String, i64> {
    let mut room = vec![0_u8; SHORT];
    loop {
        let length = call(room.as_mut_ptr().cast(), room.len());
        let Ok(length) = usize::try_from(length) else { return Err(length) };
        // The last byte is for the NUL.
        if length < room.len() {
            debug_assert_eq!(room[length], 0, "the text ends where it was said to");
            room.truncate(length);
            return String::from_utf8(room).map_err(|_| ANYSOCK_EILSEQ);
        }
        room.resize(length + 1, 0);
    }
}

/// Microseconds for the library, rounded up; -1 is for ever.
pub fn microseconds(time: Option<Duration>) -> i64 {
    let Some(time) = time else { return -1 };
    i64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_and_bounded() {
        assert_eq!(microseconds(None), -1);
        assert_eq!(microseconds(Some(Duration::ZERO)), 0);
        assert_eq!(microseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(microseconds(Some(Duration::from_millis(3))), 3000);
        assert_eq!(microseconds(Some(Duration::MAX)), i64::MAX);
    }

    #[test]
    fn texts_get_their_nul_whatever_their_length() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 5000] {
            let text = "x".repeat(length);
            // SAFETY: that it ends with a NUL is what is tested.
            let seen = text.with(|pointer| unsafe { CStr::from_ptr(pointer) }.to_bytes().len() as i64);
            assert_eq!(seen, length as i64);
        }
        for text in ["\0", "a\0b", &("x".repeat(500) + "\0")] {
            assert_eq!(text.with(|_| 0), ANYSOCK_EINVAL);
        }
    }

    #[test]
    fn a_text_that_does_not_fit_is_asked_for_again() {
        for length in [0, 1, SHORT - 1, SHORT, 1000] {
            let text = CString::new("y".repeat(length)).unwrap();
            let read = filled(|room, capacity| {
                let fits = length.min(capacity - 1);
                // SAFETY: there is room for so many, and the source is as long.
                unsafe {
                    room.copy_from(text.as_ptr(), fits);
                    room.add(fits).write(0);
                }
                length as i64
            });
            assert_eq!(read.unwrap().len(), length);
        }
    }
}
