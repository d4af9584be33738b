//! Connects: what takes its time in steps of its own. Several addresses are tried as a blocking connect does it, and the queue
//! gets a notice when something has changed. Not here: the steps (`socket::connect`), and how a name is looked up (`names`).

use crate::core::deadline::Deadline;
use crate::core::error::{Error, Result};
use crate::core::handle::slot::Wait;
use crate::core::handle::table::Ref;
use crate::core::memory;
use crate::core::queue::connecting::{ATTEMPT, Answer, Connecting, Stage, Target, unwatch};
use crate::core::queue::member::Member;
use crate::core::queue::names::ask;
use crate::core::queue::record::{Caller, Head, Op, flag as bit};
use crate::core::queue::state::State;
use crate::core::queue::work::Detail;
use crate::core::socket::connect::{self, Begun};
use crate::core::socket::race::Race;
use crate::core::socket::resolve::{self, Lookup, Role};
use crate::core::socket::retry;
use crate::sys::{self, Events, Fd};
use socket2::SockAddr;
use std::time::Duration;

impl State {
    pub fn take_connect(&mut self, op: &Op, head: Head, caller: &impl Caller) -> Result<()> {
        let target = if op.has(bit::FLAT) {
            if op.length != 0 && op.length != crate::core::name::flat::SIZE as i64 {
                return Err(Error::EINVAL);
            }
            let flat = caller.address(op.data)?;
            let at = self.member(op.handle)?;
            let Some(member) = self.members.get(at) else { return Err(Error::EBADF) };
            Target::Addresses(vec![connect::address_of(member.slot, &flat)?])
        } else {
            Target::Text(caller.text(op.data, op.length)?)
        };
        let at = self.member(op.handle)?;
        let Some(member) = self.members.get(at) else { return Err(Error::EBADF) };
        if !member.slot.kind().is_socket() {
            return Err(Error::ENOTSOCK);
        }
        let timeout = member.slot.ruling_timeout(Wait::Connect);
        let connecting = Connecting { stage: Stage::Behind(target), is_reported: false };
        self.enlist(at, head, Detail::Connect(Box::new(connecting)), timeout);
        self.connect_moved(at);
        Ok(())
    }

    /// Goes on with the first connect of a member.
    pub fn connect_moved(&mut self, at: u32) {
        while let Some(member) = self.members.get(at) {
            let id = member.connects.first;
            let Ok(slot) = member.open() else { return };
            let Some(work) = self.works.get_mut(id) else { return };
            let stamp = work.stamp;
            let Detail::Connect(connecting) = &mut work.detail else { return };
            let stage = std::mem::replace(&mut connecting.stage, Stage::Over);
            let outcome = match self.step(at, (id, stamp), &slot, stage) {
                Ok(stage) => {
                    if let Some(Detail::Connect(connecting)) =
                        self.works.get_mut(id).map(|work| &mut work.detail)
                    {
                        connecting.stage = stage;
                    }
                    return self.sync(at);
                }
                Err(outcome) => outcome,
            };
            self.connect_over(at, id, outcome);
            self.go_on();
        }
    }

    /// One step of a connect: the next stage, or the final outcome as the error.
    fn step(
        &mut self,
        at: u32,
        work: (u32, u64),
        slot: &Ref,
        stage: Stage,
    ) -> std::result::Result<Stage, Result<()>> {
        match stage {
            Stage::Behind(Target::Addresses(addresses)) => self.begin(at, work, slot, addresses),
            Stage::Behind(Target::Text(text)) => self.begin_text(at, work, slot, text),
            Stage::Asking(answer, awaited) => match answer.get() {
                None => Ok(Stage::Asking(answer, awaited)),
                Some(Ok(addresses)) => {
                    let addresses = memory::copy(addresses).map_err(Err)?;
                    self.begin(at, work, slot, addresses)
                }
                Some(Err(error)) => Err(Err(*error)),
            },
            Stage::UnderWay => match self.look_at(slot, work.0) {
                Err(Error::EINPROGRESS) => Ok(Stage::UnderWay),
                outcome => Err(outcome),
            },
            Stage::Native(address) => match connect::native_progress(slot, &address) {
                Err(Error::EINPROGRESS) => Ok(Stage::Native(address)),
                outcome => Err(outcome),
            },
            Stage::Full(address, round) => match connect::retry(slot, &address) {
                Err(Error::EAGAIN) => {
                    self.pause(work, round);
                    Ok(Stage::Full(address, round.saturating_add(1)))
                }
                outcome => Err(outcome.and_then(|()| self.look_at(slot, work.0))),
            },
            Stage::Racing(race, watched) => self.step_race(at, work, slot, race, watched),
            Stage::Over => Err(Err(Error::EINTERNAL)),
        }
    }

    /// Begins a connect to a text: a name may have to be looked up first.
    fn begin_text(
        &mut self,
        at: u32,
        work: (u32, u64),
        slot: &Ref,
        text: String,
    ) -> std::result::Result<Stage, Result<()>> {
        if let Some(begun) = connect::begun(slot) {
            begun.map_err(Err)?;
            return self.step(at, work, slot, Stage::UnderWay);
        }
        let kind = resolve::kind_for(slot, &text);
        match resolve::begin(kind, &text, Role::Peer).map_err(Err)? {
            Lookup::Found(addresses) => self.begin(at, work, slot, addresses),
            Lookup::Needed => {
                let answer = Answer::default();
                let awaited =
                    ask(self.shared.address(), work, kind, text, Role::Peer, &answer).map_err(Err)?;
                Ok(Stage::Asking(answer, awaited))
            }
        }
    }

    /// Begins a connect to the first address, or a race to several.
    fn begin(
        &mut self,
        at: u32,
        work: (u32, u64),
        slot: &Ref,
        candidates: Vec<SockAddr>,
    ) -> std::result::Result<Stage, Result<()>> {
        match connect::begin(slot, candidates).map_err(Err)? {
            Begun::Done => Err(Ok(())),
            Begun::UnderWay => self.step(at, work, slot, Stage::UnderWay),
            Begun::Native(address) => Ok(Stage::Native(address)),
            Begun::Full(address) => self.step(at, work, slot, Stage::Full(address, 0)),
            Begun::Race(race) => self.step(at, work, slot, Stage::Racing(race, Vec::new())),
        }
    }

    /// How it goes. If its event was reported, the next CONNECT reports its end.
    fn look_at(&self, slot: &Ref, id: u32) -> Result<()> {
        if self.is_reported(id) { connect::peek_progress(slot) } else { connect::progress(slot) }
    }

    fn is_reported(&self, id: u32) -> bool {
        matches!(self.works.get(id).map(|work| &work.detail), Some(Detail::Connect(connecting)) if connecting.is_reported)
    }

    /// Looks again later: the kernel does not say when there is room.
    fn pause(&mut self, (id, stamp): (u32, u64), round: u32) {
        self.wake_up(id, stamp, Deadline::after_duration(retry::pause(round)));
    }

    fn step_race(
        &mut self,
        at: u32,
        (id, stamp): (u32, u64),
        slot: &Ref,
        mut race: Race,
        mut watched: Vec<(Fd, u64)>,
    ) -> std::result::Result<Stage, Result<()>> {
        unwatch(self.shared.engine(), &mut watched);
        let winner = race.advance(slot, |entries| {
            let _ = sys::poll(entries, Some(Duration::ZERO));
            Ok(())
        });
        match winner {
            Ok(Some(winner)) => {
                let arrived = connect::arrive(slot, winner);
                Err(arrived.and_then(|()| self.look_at(slot, id)))
            }
            Ok(None) => {
                if let Some(engine) = self.shared.engine() {
                    for (place, fd) in race.descriptors().enumerate() {
                        let tag = ATTEMPT | (place as u64) << 32 | u64::from(at);
                        engine.watch(fd, tag, Events::NONE, Events::WRITE).map_err(Err)?;
                        watched.push((fd, tag));
                    }
                }
                self.wake_up(id, stamp, race.until());
                Ok(Stage::Racing(race, watched))
            }
            Err(error) => {
                connect::failed(slot, error);
                Err(Err(error))
            }
        }
    }

    /// The time of a connect is over.
    pub fn connect_timed_out(&mut self, id: u32) {
        let Some(work) = self.works.get_mut(id) else { return };
        let at = work.member;
        let Detail::Connect(connecting) = &work.detail else { return };
        let gives_up = !matches!(connecting.stage, Stage::Behind(_) | Stage::Asking(..));
        if gives_up {
            if let Some(Ok(slot)) = self.members.get(at).map(Member::open) {
                connect::time_out(&slot);
            }
        }
        self.end(id, Error::ETIMEDOUT);
    }

    /// A connect is over.
    fn connect_over(&mut self, at: u32, id: u32, outcome: Result<()>) {
        let Some(work) = self.unlist(id) else { return };
        let head = work.head();
        let Detail::Connect(connecting) = work.detail else { return };
        if !connecting.is_reported {
            self.finish(&head, outcome.map_or_else(Error::code, |()| 0), 0);
        }
        self.connect_ended(at, work.stamp, *connecting, outcome);
    }

    /// A connect that must not wait goes on, and its event says so.
    pub fn report_connect(&mut self, id: u32) {
        let Some(work) = self.works.get_mut(id) else { return };
        let Detail::Connect(connecting) = &mut work.detail else { return };
        if matches!(connecting.stage, Stage::UnderWay | Stage::Native(_)) {
            return self.end(id, Error::EINPROGRESS);
        }
        connecting.is_reported = true;
        let head = work.head();
        self.finish(&head, Error::EINPROGRESS.code(), 0);
    }
}
