//! The atomics of lock-free code: the standard library's, and in models those of loom, which tries every interleaving of
//! threads. The models are in a module `models` beside the code; `make test-loom` runs them. Not here: locks (`lock`).

#[cfg(not(all(test, loom)))]
pub use std::sync::atomic;

/// Runs a model in every interleaving with up to three preemptions.
#[cfg(all(test, loom))]
pub fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

/// The same for code that relies on the total order of all `SeqCst` operations, as announce-then-look does. loom treats these as
/// `AcqRel`, but supports fences: so each is put between two of them. That orders other accesses too, which the language does not
/// guarantee, so that a model may pass where the code would need more.
#[cfg(all(test, loom))]
pub fn model_in_one_order(body: impl Fn() + Send + Sync + 'static) {
    atomic::IN_ONE_ORDER.store(true, atomic::Ordering::SeqCst);
    model(body);
    atomic::IN_ONE_ORDER.store(false, atomic::Ordering::SeqCst);
}

#[cfg(all(test, loom))]
pub mod atomic {
    pub use loom::sync::atomic::{Ordering, fence};

    /// See [`super::model_in_one_order`]. Models run one at a time.
    pub static IN_ONE_ORDER: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

    fn in_one_order<T>(order: Ordering, operation: impl FnOnce() -> T) -> T {
        let is_fenced = order == Ordering::SeqCst && IN_ONE_ORDER.load(Ordering::Relaxed);
        if is_fenced {
            fence(Ordering::SeqCst);
        }
        let result = operation();
        if is_fenced {
            fence(Ordering::SeqCst);
        }
        result
    }

    macro_rules! atomic {
        ($name:ident, $value:ty $(, $operation:ident)*) => {
            #[derive(Debug, Default)]
            pub struct $name(loom::sync::atomic::$name);

            #[allow(dead_code, reason = "as the standard's")]
            impl $name {
                pub fn new(value: $value) -> Self {
                    Self(loom::sync::atomic::$name::new(value))
                }

                pub fn load(&self, order: Ordering) -> $value {
                    in_one_order(order, || self.0.load(order))
                }

                pub fn store(&self, value: $value, order: Ordering) {
                    in_one_order(order, || self.0.store(value, order));
                }

                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    in_one_order(order, || self.0.swap(value, order))
                }

                pub fn compare_exchange(&self, old: $value, new: $value, good: Ordering, bad: Ordering) -> Result<$value, $value> {
                    in_one_order(good, || self.0.compare_exchange(old, new, good, bad))
                }

                pub fn compare_exchange_weak(&self, old: $value, new: $value, good: Ordering, bad: Ordering) -> Result<$value, $value> {
                    self.compare_exchange(old, new, good, bad)
                }

                pub fn fetch_update(
                    &self,
                    good: Ordering,
                    bad: Ordering,
                    update: impl FnMut($value) -> Option<$value>,
                ) -> Result<$value, $value> {
                    in_one_order(good, || self.0.fetch_update(good, bad, update))
                }

                $(pub fn $operation(&self, value: $value, order: Ordering) -> $value {
                    in_one_order(order, || self.0.$operation(value, order))
                })*
            }
        };
    }

    atomic!(AtomicBool, bool);
    atomic!(AtomicU8, u8);
    atomic!(AtomicU16, u16);
    atomic!(AtomicI32, i32);
    atomic!(AtomicU32, u32, fetch_add, fetch_or, fetch_and);
    atomic!(AtomicI64, i64, fetch_add, fetch_sub, fetch_or, fetch_and);
    atomic!(AtomicU64, u64, fetch_add, fetch_sub, fetch_or);
    atomic!(AtomicUsize, usize, fetch_add, fetch_sub);
}
