//! `127.0.0.1:80`, the form of most addresses, read and written by a few instructions. Not here: every other text, and
//! which error a wrong one gives (`address`).

use std::net::SocketAddrV4;

/// What follows each of the four octets.
const SEPARATORS: [u8; 4] = *b"...:";

/// The longest text.
const LONGEST: usize = "255.255.255.255:65535".len();

/// The address, if the text is one of an IPv4 host with a port, and nothing else.
pub fn parse(text: &str) -> Option<SocketAddrV4> {
    let mut rest = text.as_bytes();
    let mut octets = [0; 4];
    for (octet, separator) in octets.iter_mut().zip(SEPARATORS) {
        let (value, others) = number(rest, u8::MAX.into())?;
        *octet = value as u8;
        rest = others.strip_prefix(&[separator])?;
    }
    let (port, []) = number(rest, u16::MAX.into())? else { return None };
    Some(SocketAddrV4::new(octets.into(), port as u16))
}

/// The decimal number that a text begins with, and the rest; `None` if it is above `most`. Leading zeros are refused:
/// some programs read such numbers as octal.
#[inline(always)]
fn number(text: &[u8], most: u32) -> Option<(u32, &[u8])> {
    if let [b'0', b'0'..=b'9', ..] = text {
        return None;
    }
    let (mut value, mut rest) = (0, text);
    while let [digit @ b'0'..=b'9', others @ ..] = rest {
        value = value * 10 + u32::from(digit - b'0');
        if value > most {
            return None;
        }
        rest = others;
    }
    (rest.len() < text.len()).then_some((value, rest))
}

/// The text of an address.
pub fn format(address: SocketAddrV4) -> String {
    let mut text = String::with_capacity(LONGEST);
    for (octet, separator) in address.ip().octets().into_iter().zip(SEPARATORS) {
        push(&mut text, octet.into());
        text.push(separator.into());
    }
    push(&mut text, address.port());
    text
}

#[inline(always)]
fn push(text: &mut String, number: u16) {
    let digit = |power: u16| char::from(b'0' + (number / power % 10) as u8);
    for power in [10_000, 1000, 100, 10] {
        if number >= power {
            text.push(digit(power));
        }
    }
    text.push(digit(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_and_written_as_the_standard_library_does_it() {
        for number in 0..=u16::MAX {
            let [high, low] = number.to_be_bytes();
            let address = SocketAddrV4::new([high, low, 0, 255].into(), number);
            assert_eq!(format(address), address.to_string());
            assert_eq!(parse(&address.to_string()), Some(address));
        }
    }

    /// Each text, and what comes of it when a character is changed, put in or taken out.
    #[test]
    fn what_the_standard_library_takes_for_no_address_is_none() {
        let alphabet = b"0123459.:- +a";
        for text in ["127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "10.0.200.3:65530"] {
            for place in 0..=text.len() {
                let (head, tail) = text.as_bytes().split_at(place);
                let mut texts = vec![[head, tail.get(1..).unwrap_or_default()].concat()];
                for letter in alphabet {
                    texts.push([head, &[*letter], tail].concat());
                    texts.push([head, &[*letter], tail.get(1..).unwrap_or_default()].concat());
                }
                for text in texts.into_iter().map(|text| String::from_utf8(text).unwrap()) {
                    // The standard library takes a port with leading zeros; `plain` leaves it to `address`.
                    let expected = text.parse::<SocketAddrV4>().ok().filter(|it| it.to_string() == text);
                    assert_eq!(parse(&text), expected, "{text}");
                }
            }
        }
        for text in
            ["", ":", "1.2.3:4", "1.2.3.4", "1.2.3.4:", "1.2.3.4.5:6", "01.2.3.4:5", "00.0.0.0:0", "[::1]:80"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
