//! What the process has of descriptors and memory, as Linux and Windows tell it. Not here: what is too much.

/// How many descriptors the process has.
#[cfg(target_os = "linux")]
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How many handles of the system the process has, of the numbers that it will ever have here. They are tried one by one,
/// as Wine does not count them.
#[cfg(windows)]
pub fn descriptors() -> usize {
    use windows_sys::Win32::Foundation::{GetHandleInformation, HANDLE};
    let is_open = |number: &usize| {
        let mut flags = 0;
        // SAFETY: the place lives through the call; a number that is no handle is an error.
        unsafe { GetHandleInformation(*number as HANDLE, &mut flags) != 0 }
    };
    (4..1 << 16).step_by(4).filter(is_open).count()
}

/// How many bytes of memory the process has, as many of them as are in use at the moment.
#[cfg(windows)]
pub fn memory() -> usize {
    use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
    use windows_sys::Win32::System::Threading::GetCurrentProcess;
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let size = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    // SAFETY: the place lives through the call and is as long as it says.
    assert_ne!(unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &mut counters, size) }, 0);
    counters.WorkingSetSize
}

/// How many bytes of memory the process has.
#[cfg(target_os = "linux")]
pub fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident: usize = pages.split_whitespace().nth(1).unwrap().parse().unwrap();
    // SAFETY: takes no memory.
    resident * usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap()
}
