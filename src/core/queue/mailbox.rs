//! Notices that other threads post to a queue, so that they need not wait for the queue's lock; and whether a run
//! waits that must be woken for it. Not here: waking, and what the notices say.

use crate::core::lock::{Mutex, Rank};
use crate::core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Who posts a notice looks afterwards whether a run waits; a run says that it waits and looks afterwards whether any was posted.
/// One of the two always sees the other.
#[derive(Debug)]
pub struct Mailbox<T> {
    list: Mutex<List<T>>,
    is_any: AtomicBool,
    /// How many runs wait.
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct List<T> {
    notices: Vec<T>,
    is_closed: bool,
}

impl<T> Mailbox<T> {
    pub fn new() -> Self {
        let list = Mutex::new(Rank::Mailbox, List { notices: Vec::new(), is_closed: false });
        Self { list, is_any: AtomicBool::new(false), waiting: AtomicUsize::new(0) }
    }

    /// Posts a notice; whether anybody will hear it.
    pub fn post(&self, notice: T) -> bool {
        let mut list = self.list.lock();
        if list.is_closed {
            return false;
        }
        list.notices.push(notice);
        drop(list);
        self.is_any.store(true, Ordering::SeqCst);
        true
    }

    /// Takes no more; what was posted before.
    pub fn close(&self) -> Vec<T> {
        let mut list = self.list.lock();
        list.is_closed = true;
        std::mem::take(&mut list.notices)
    }

    /// Whether anything was posted.
    #[inline]
    pub fn is_any(&self) -> bool {
        self.is_any.load(Ordering::SeqCst)
    }

    /// What was posted, if anything was.
    #[inline]
    pub fn take(&self) -> Option<Vec<T>> {
        if !self.is_any() {
            return None;
        }
        self.is_any.store(false, Ordering::SeqCst);
        Some(std::mem::take(&mut self.list.lock().notices))
    }

    /// A run waits from now on; whether there is nothing that it would have to hear first.
    pub fn begin_wait(&self) -> bool {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        !self.is_any()
    }

    /// It waits no more.
    pub fn end_wait(&self) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether any run waits.
    #[inline]
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}

/// Each was seen to fail: with a run that looks before it says that it waits, and with a mark that is taken away after the list.
#[cfg(all(test, loom))]
mod models {
    use super::*;
    use crate::core::sync::model_in_one_order;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn what_is_left_is_heard_or_wakes() {
        model_in_one_order(|| {
            let mailbox = Arc::new(Mailbox::new());
            let other = mailbox.clone();
            let wakes = thread::spawn(move || {
                assert!(other.post(1));
                other.is_awaited()
            });
            let is_quiet = mailbox.begin_wait();
            assert!(wakes.join().unwrap() || !is_quiet, "waits, and nobody wakes it");
            mailbox.end_wait();
            assert_eq!(mailbox.take(), Some(vec![1]));
        });
    }

    #[test]
    fn nothing_stays_in_the_list_unseen() {
        model_in_one_order(|| {
            let mailbox = Arc::new(Mailbox::new());
            assert!(mailbox.post(1));
            let other = mailbox.clone();
            let poster = thread::spawn(move || assert!(other.post(2)));
            let mut heard = mailbox.take().unwrap();
            poster.join().unwrap();
            while let Some(more) = mailbox.take() {
                heard.extend(more);
            }
            assert_eq!(heard, [1, 2]);
        });
    }
}
