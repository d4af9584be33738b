//! A documentation comment taken apart: prose, parameters, answer, blocking, and the marks in parentheses that machines read.
//! Not here: what is documented (`source`).
//!
//! A mark stands before the prose of a parameter or field, `(out, length=capacity)`, and behind the word "Blocks",
//! `(bounded=read_timeout, woken=close|signal)`.

use std::collections::BTreeMap;

/// What stands in parentheses: words, and words with values.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Mark(BTreeMap<String, String>);

impl Mark {
    /// A mark before prose, and the prose.
    fn split(text: &str) -> (Self, &str) {
        let inside = text.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        match inside {
            Some((words, prose)) if is_mark(words) => (Self::read(words), prose.trim_start()),
            _ => (Self::default(), text),
        }
    }

    fn read(words: &str) -> Self {
        let pair = |word: &str| {
            let (key, value) = word.trim().split_once('=').unwrap_or((word.trim(), ""));
            (key.to_owned(), value.to_owned())
        };
        Self(words.split(',').map(pair).collect())
    }

    pub fn has(&self, word: &str) -> bool {
        self.0.contains_key(word)
    }

    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The words of a value that is a list.
    pub fn list(&self, key: &str) -> Vec<&str> {
        self.value(key).map(|value| value.split('|').collect()).unwrap_or_default()
    }

    /// Takes no word that it does not know, so that a slip of the pen is found.
    pub fn allow(&self, known: &[&str]) -> Result<(), String> {
        match self.0.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(format!("a mark has no word \"{key}\", only {}", known.join(", "))),
            None => Ok(()),
        }
    }
}

/// Prose may begin with a parenthesis too: a mark is a known word first, or has a value.
fn is_mark(words: &str) -> bool {
    let first = words.split([',', '=']).next().unwrap_or_default();
    ["in", "out", "inout", "nullable", "length", "group", "size", "bounded", "woken"].contains(&first)
}

/// Text with its mark.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Marked {
    pub mark: Mark,
    pub text: String,
}

impl Marked {
    pub fn read(text: &str) -> Self {
        let (mark, text) = Mark::split(text);
        Self { mark, text: text.to_owned() }
    }
}

/// How a call waits, as its comment says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Blocking {
    /// Not at all.
    Never,
    /// Until something happens, or what the mark says ends the wait.
    Maybe(Mark),
    /// As another function.
    As(String),
}

/// A comment, taken apart.
#[derive(Clone, Default, Debug)]
pub struct Doc {
    /// The first paragraph.
    pub summary: String,
    /// What follows it, up to the parameters.
    pub details: Vec<String>,
    /// In the order in which they are written.
    pub parameters: Vec<(String, Marked)>,
    /// What a call answers.
    pub returns: Option<String>,
    /// The version that brought it, if that was not the first.
    pub since: Option<String>,
    /// What follows the answer: blocking and the rest.
    pub remarks: Vec<String>,
}

impl Doc {
    /// From the lines of a comment, without its slashes.
    pub fn read(lines: &[String]) -> Self {
        let mut doc = Self::default();
        for paragraph in paragraphs(lines) {
            doc.add(paragraph);
        }
        doc
    }

    fn add(&mut self, paragraph: String) {
        let (tag, rest) = paragraph.split_once(' ').unwrap_or((&paragraph, ""));
        match tag {
            "@param" => {
                let (name, text) = rest.trim_start().split_once(' ').unwrap_or((rest, ""));
                self.parameters.push((name.to_owned(), Marked::read(text.trim_start())));
            }
            "@return" => self.returns = Some(rest.to_owned()),
            "@since" => self.since = Some(rest.to_owned()),
            _ if self.returns.is_some() => self.remarks.push(paragraph),
            _ if self.summary.is_empty() => self.summary = paragraph,
            _ => self.details.push(paragraph),
        }
    }

    /// How the function blocks.
    pub fn blocking(&self) -> Result<Blocking, String> {
        self.remarks.iter().find_map(|remark| Blocking::read(remark)).ok_or(format!(
            "does not say whether it blocks: a paragraph behind @return begins with {}",
            "\"Blocks\", \"Does not block\" or \"Never fails, never blocks\""
        ))
    }

    /// What follows the answer, for people.
    pub fn remarks(&self) -> String {
        self.remarks.iter().map(|remark| without_mark(remark)).collect::<Vec<_>>().join("\n\n")
    }

    /// What stands before the parameters, as one text.
    pub fn prose(&self) -> String {
        [&[self.summary.clone()][..], &self.details].concat().join("\n\n")
    }
}

impl Blocking {
    fn read(remark: &str) -> Option<Self> {
        if remark.starts_with("Does not block") || remark.starts_with("Never fails, never blocks") {
            return Some(Self::Never);
        }
        let rest = remark.strip_prefix("Blocks")?;
        if let Some(other) = rest.strip_prefix(" as `") {
            return Some(Self::As(other.split('`').next()?.to_owned()));
        }
        Some(Self::Maybe(Mark::split(rest.trim_start()).0))
    }
}

fn without_mark(remark: &str) -> String {
    let Some(rest) = remark.strip_prefix("Blocks ") else { return remark.to_owned() };
    let prose = Mark::split(rest).1;
    let space = if prose.starts_with(['.', ',']) { "" } else { " " };
    format!("Blocks{space}{prose}")
}

/// Paragraphs, and tags, each in one line.
fn paragraphs(lines: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut open = false;
    for line in lines {
        let line = line.trim();
        let begins = !open || line.starts_with('@') || line.starts_with("- ");
        open = !line.is_empty();
        match all.last_mut() {
            _ if !open => {}
            Some(last) if !begins => *last += &format!(" {line}"),
            _ => all.push(line.split_whitespace().collect::<Vec<_>>().join(" ")),
        }
    }
    all
}
