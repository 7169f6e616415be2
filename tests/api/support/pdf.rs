//! The text of a PDF of ours, as a reader copies it: what is drawn, by way of the font's own table (ISO 32000-2, 9.10).

use std::collections::HashMap;
use std::io::Read as _;

/// The streams of the file, inflated where it is deflated.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let (mut found, mut rest) = (Vec::new(), pdf);
    while let Some(start) = position(rest, b"stream\n") {
        let body = &rest[start + 7..];
        let end = position(body, b"endstream").unwrap();
        let mut plain = Vec::new();
        match flate2::read::ZlibDecoder::new(&body[..end]).read_to_end(&mut plain) {
            Ok(_) => found.push(plain),
            Err(_) => found.push(body[..end].to_vec()),
        }
        rest = &body[end + 9..];
    }
    found
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Which letters a glyph stands for.
fn letters(cmap: &str) -> HashMap<u16, String> {
    let number = |text: &str| u16::from_str_radix(text, 16).unwrap();
    let mut known = HashMap::new();
    for line in cmap.lines() {
        let parts: Vec<&str> = line.split(['<', '>', ' ']).filter(|part| !part.is_empty()).collect();
        let is_hex = |part: &&str| part.len().is_multiple_of(4) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let [glyph, text] = parts[..]
            && glyph.len() == 4
            && [glyph, text].iter().all(is_hex)
        {
            let units: Vec<u16> = (0..text.len()).step_by(4).map(|at| number(&text[at..at + 4])).collect();
            known.insert(number(glyph), String::from_utf16(&units).unwrap());
        }
    }
    known
}

/// The strings of a content stream: in angle brackets, or in parentheses with escapes.
fn strings(content: &[u8]) -> Vec<Vec<u8>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < content.len() {
        match content[at] {
            b'<' => {
                let end = at + position(&content[at..], b">").unwrap();
                let digits: Vec<u8> = content[at + 1..end].iter().copied().filter(u8::is_ascii_hexdigit).collect();
                let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
                found.push(digits.chunks(2).map(byte).collect());
                at = end;
            }
            b'(' => {
                let (text, end) = literal(content, at + 1);
                found.push(text);
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn literal(content: &[u8], mut at: usize) -> (Vec<u8>, usize) {
    let (mut text, mut depth) = (Vec::new(), 1);
    loop {
        match content[at] {
            b'\\' => {
                at += 1;
                match content[at] {
                    b'n' => text.push(b'\n'),
                    b'r' => text.push(b'\r'),
                    b't' => text.push(b'\t'),
                    b'b' => text.push(8),
                    b'f' => text.push(12),
                    b'0'..=b'7' => {
                        let digits = std::str::from_utf8(&content[at..at + 3]).unwrap();
                        text.push(u8::from_str_radix(digits, 8).unwrap());
                        at += 2;
                    }
                    other => text.push(other),
                }
            }
            b'(' => {
                depth += 1;
                text.push(b'(');
            }
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return (text, at);
                }
                text.push(b')');
            }
            other => text.push(other),
        }
        at += 1;
    }
}

/// The text, without line breaks.
pub fn text(pdf: &[u8]) -> String {
    let streams = streams(pdf);
    let maps = streams
        .iter()
        .filter_map(|stream| std::str::from_utf8(stream).ok().filter(|text| text.contains("beginbfchar")));
    let known: HashMap<u16, String> = maps.flat_map(letters).collect();
    assert!(!known.is_empty(), "no table of letters");
    let pages = streams.iter().filter(|stream| position(stream, b" Tf").is_some());
    let glyph = |pair: &[u8]| u16::from_be_bytes(pair.try_into().unwrap_or_default());
    let word = |bytes: Vec<u8>| {
        bytes.chunks(2).map(|pair| known.get(&glyph(pair)).cloned().unwrap_or_default()).collect::<String>()
    };
    pages.flat_map(|page| strings(page)).map(word).collect()
}
