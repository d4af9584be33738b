//! The process and its threads on Windows, which knows neither cancellation nor signals nor fork.

use crate::sys::Result;
use std::ffi::c_void;
use std::time::Duration;
use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};
use windows_sys::Win32::System::Memory::{MEM_RESERVE, PAGE_NOACCESS, VirtualAlloc};

/// Threads are not cancelled here.
pub const HAS_POINTS: bool = false;

/// Runs `body`: no thread is cancelled here.
pub fn uncancelled<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// Sleeps.
pub fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// What a thread does.
pub type Body = Box<dyn FnOnce() + Send>;

/// Starts a thread that nobody waits for, with so many bytes of stack. What the standard library needs for that comes from this
/// library's allocator here, so that there is always enough.
pub fn start_thread(stack: usize, body: Body) -> Result<()> {
    let builder = std::thread::Builder::new().name("anysock".to_owned()).stack_size(stack);
    Ok(builder.spawn(body).map(drop)?)
}

/// Where numbers are claimed: places that nothing is put at unasked.
const CLAIMS: usize = 0x7000_0000;

/// What the system gives out address space in.
const CLAIM: usize = 1 << 16;

/// Claims the first of these numbers that no other copy of this library in the process has, for as long as the process
/// lives; `None` if there is none.
///
/// What copies share that know nothing of each other is the address space: a number is claimed by having the place that
/// belongs to it, which holds nothing and can't be touched. Where something else lies, the number is passed over.
pub fn claim(mut numbers: std::ops::RangeInclusive<u32>) -> Option<u32> {
    numbers.find(|number| {
        let wanted = (CLAIMS + *number as usize * CLAIM) as *const c_void;
        // SAFETY: reserves just this place, or fails if anything is there.
        !unsafe { VirtualAlloc(wanted, CLAIM, MEM_RESERVE, PAGE_NOACCESS) }.is_null()
    })
}

/// The library may be loaded and unloaded by a program: from now on it stays.
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
