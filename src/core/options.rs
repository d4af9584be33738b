//! Options by name. Skeleton of the public interface; being filled in.

use super::error::{Error, Result, System};
use super::side::Side;
use crate::sys;
use socket2::Domain;

/// A recorded option.
#[derive(Clone, PartialEq, Debug)]
pub enum Setting {
    Number(&'static Row, i64),
    Text(&'static Row, String),
    Raw { level: i32, name: i32, value: Vec<u8> },
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    Switch,
    Number { least: i64, most: i64 },
    Time { least: i64, most: i64 },
    Text,
}

/// What can be done with an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Read,
    Write,
    ReadWrite,
}

/// What an option belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    Handle,
    Socket,
    Inet,
    Tcp,
    Udp,
    Ip,
    Ipv6,
    Unix,
}

/// One option.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Row {
    pub name: &'static str,
    pub value: Value,
    pub access: Access,
    pub scope: Scope,
    pub doc: &'static str,
}

impl Row {
    #[must_use]
    pub fn is_on(&self, _system: System) -> bool {
        true
    }
}

pub static TABLE: &[Row] = &[];

impl Side {
    #[must_use]
    pub fn has_setting(&self, name: &str) -> bool {
        self.settings.iter().any(|setting| matches!(setting, Setting::Number(row, _) if row.name == name))
    }
}

#[must_use]
pub fn is_supported(_name: &str) -> bool {
    false
}

pub fn replay(_fd: sys::Fd, _family: Domain, _setting: &Setting) -> Result<()> {
    Ok(())
}

pub fn set(_number: i64, _name: &str, _value: i64) -> Result<()> {
    Err(Error::ENOPROTOOPT)
}

pub fn get(_number: i64, _name: &str) -> Result<i64> {
    Err(Error::ENOPROTOOPT)
}

pub fn set_text(_number: i64, _name: &str, _value: &str) -> Result<()> {
    Err(Error::ENOPROTOOPT)
}

pub fn get_text(_number: i64, _name: &str) -> Result<String> {
    Err(Error::ENOPROTOOPT)
}

pub fn set_raw(_number: i64, _level: i32, _name: i32, _value: &[u8]) -> Result<()> {
    Err(Error::ENOPROTOOPT)
}

pub fn get_raw(_number: i64, _level: i32, _name: i32, _value: &mut [u8]) -> Result<usize> {
    Err(Error::ENOPROTOOPT)
}
