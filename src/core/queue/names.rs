//! Names: the library's threads look them up and post the answer to the queue. The answer of a RESOLVE needs a buffer. Not
//! here: the looking up (`socket::resolve`).

use crate::core::error::Result;
use crate::core::name::kind::Kind;
use crate::core::process::workers::Awaited;
use crate::core::queue::connecting::{Answer, Question};
use crate::core::queue::record::{Caller, Done, Head, Op, flag as bit};
use crate::core::queue::shared::{Address, Notice};
use crate::core::queue::state::State;
use crate::core::queue::work::{Detail, NONE};
use crate::core::socket::resolve::{self, Lookup, Role};
use std::sync::Arc;

impl State {
    pub fn take_resolve(&mut self, op: &Op, head: Head, caller: &impl Caller) -> Result<()> {
        let kind = Kind::parse(&caller.text(op.value, 0)?)?;
        let text = caller.text(op.data, op.length)?;
        let found = resolve::begin(kind, &text, Role::Local)?;
        let stamp = self.next_stamp();
        let answer = Answer::default();
        let question = Question { kind, answer: Arc::clone(&answer), awaited: None };
        let id = self.works.insert(head, Detail::Resolve(Box::new(question)), NONE, stamp);
        let asked = match found {
            Lookup::Found(addresses) => {
                let _ = answer.set(Box::new(Ok(addresses)));
                self.resolved(id, stamp);
                return Ok(());
            }
            Lookup::Needed => ask(self.shared.address(), (id, stamp), kind, text, Role::Local, &answer),
        };
        match (asked, self.works.get_mut(id).map(|work| &mut work.detail)) {
            (Ok(awaited), Some(Detail::Resolve(question))) => question.awaited = awaited,
            (Ok(_), _) => {}
            (Err(error), _) => {
                self.works.remove(id);
                return Err(error);
            }
        }
        Ok(())
    }

    pub fn resolved(&mut self, id: u32, stamp: u64) {
        let Some(work) = self.works.get(id).filter(|work| work.stamp == stamp) else { return };
        let Detail::Resolve(question) = &work.detail else { return };
        let Some(answer) = question.answer.get() else { return };
        let lines =
            answer.as_ref().map_err(|error| *error).and_then(|found| resolve::lines(question.kind, found));
        let head = work.head();
        let text = match lines {
            Ok(text) => text,
            Err(error) => {
                self.unlist(id);
                return self.finish(&head, error.code(), 0);
            }
        };
        let Some(lease) = self.pool.take() else {
            self.unanswered.push((id, stamp));
            return;
        };
        let room = self.pool.room(&lease, text.len());
        let count = room.len();
        for (place, byte) in room.iter_mut().zip(text.bytes()) {
            place.write(byte);
        }
        let flags = if count < text.len() { bit::CUT } else { 0 };
        let data = self.pool.address(&lease);
        let buffer = self.pool.name(lease);
        self.unlist(id);
        self.emit(Done { flags, data, buffer, ..head.done(count as i64) });
    }

    /// There may be buffers for names that wait for one.
    pub fn retry_answers(&mut self) {
        for (id, stamp) in std::mem::take(&mut self.unanswered) {
            self.resolved(id, stamp);
        }
    }
}

/// Has one of the library's threads look a name up, and post a notice to the queue.
pub fn ask(
    asker: Address,
    (id, stamp): (u32, u64),
    kind: Kind,
    text: String,
    role: Role,
    answer: &Answer,
) -> Result<Option<Awaited>> {
    let answer = Arc::clone(answer);
    resolve::ask(kind, text, role, move |found| {
        let _ = answer.set(Box::new(found));
        asker.post(Notice::Answered(id, stamp));
    })
}
