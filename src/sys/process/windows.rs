//! The process and its threads on Windows, which has neither cancellation nor signals nor fork. Not here: Unix (`unix`, `thread`).

use crate::sys::Result;
use std::ffi::c_void;
use std::time::Duration;
use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};
use windows_sys::Win32::System::Memory::{MEM_RESERVE, PAGE_NOACCESS, VirtualAlloc};

/// Threads are not cancelled here.
pub const HAS_CANCELLATION_POINTS: bool = false;

/// Runs `body`: no thread is cancelled here.
pub fn uncancelled<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// Sleeps.
pub fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// The function of a thread.
pub type Body = Box<dyn FnOnce() + Send>;

/// Starts a detached thread with `stack` bytes of stack. The memory that the standard library needs for that comes from this
/// library's allocator, which has a reserve. Does not block.
pub fn start_thread(stack: usize, body: Body) -> Result<()> {
    let builder = std::thread::Builder::new().name("anysock".to_owned()).stack_size(stack);
    Ok(builder.spawn(body).map(drop)?)
}

/// The address where the pages of claims begin, in a region that the system does not use by itself.
const CLAIMS: usize = 0x7000_0000;

/// The distance of two claims in bytes: the system's allocation granularity.
const CLAIM: usize = 1 << 16;

/// Claims the first of these numbers that no other copy of this library in the process has, for as long as the process
/// lives; `None` if there is none.
///
/// Copies of the library that know nothing of each other share the address space: a number is claimed by reserving the region that
/// belongs to it, without access. If something else is there, the number is skipped.
pub fn claim(mut numbers: std::ops::RangeInclusive<u32>) -> Option<u32> {
    numbers.find(|number| {
        let wanted = (CLAIMS + *number as usize * CLAIM) as *const c_void;
        // SAFETY: reserves just this place, or fails if anything is there.
        !unsafe { VirtualAlloc(wanted, CLAIM, MEM_RESERVE, PAGE_NOACCESS) }.is_null()
    })
}

/// Keeps the module that contains the library from being unloaded (FreeLibrary).
pub fn stay_loaded() {
    let how = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
    let mut module = std::ptr::null_mut();
    // SAFETY: takes the address as a number, and writes the module's.
    unsafe { GetModuleHandleExW(how, (stay_loaded as fn() as *const ()).cast(), &mut module) };
}

/// There is no `fork`.
pub fn on_fork(_prepare: extern "C" fn(), _parent: extern "C" fn(), _child: extern "C" fn()) -> Result<()> {
    Ok(())
}
