//! JSON as people read it: what is short stands in one line. Not here: what it says.

use serde_json::Value;

const WIDTH: usize = 140;

pub fn pretty(value: &Value) -> String {
    let mut text = String::new();
    print(value, 0, 0, &mut text);
    text
}

/// `behind` is what stands before the value in its line.
fn print(value: &Value, indent: usize, behind: usize, text: &mut String) {
    let short = compact(value);
    if short.len() + indent + behind < WIDTH || !(value.is_array() || value.is_object()) {
        *text += &short;
        return;
    }
    let members: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value)).collect()
        }
        Value::Array(all) => all.iter().map(|value| (String::new(), value)).collect(),
        _ => unreachable!("what is neither was printed"),
    };
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    text.push(open);
    for (place, (key, member)) in members.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        *text += &format!("{comma}\n{}{key}", " ".repeat(indent + 2));
        print(member, indent + 2, key.len() + 1, text);
    }
    *text += &format!("\n{}{close}", " ".repeat(indent));
}

/// In one line, with spaces.
fn compact(value: &Value) -> String {
    match value {
        Value::Array(all) => format!("[{}]", all.iter().map(compact).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let member = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), compact(value))
            };
            format!("{{ {} }}", map.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}
