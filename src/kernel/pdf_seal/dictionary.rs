//! The dictionaries of a PDF (ISO 32000-2, 7.3.7), as far as it takes to know signature dictionaries (12.8.1) among them.

/// Of what a signature is. With lists of revoked certificates inside they have a hundred kilobytes; without, ten.
pub const CONTENTS_MAX_BYTES: usize = 256 * 1024;
/// Of all that a file has.
const CONTENTS_TOTAL_MAX_BYTES: usize = 4 * 1024 * 1024;
/// More than this nobody puts into one file; whoever does gets no judgement.
pub const SIGNATURES_MAX: usize = 10;
const DEPTH_MAX: usize = 64;
/// Four are right; what comes after the fifth does not count any more.
const NUMBERS_MAX: usize = 5;

/// A string in angle brackets.
#[derive(Debug, Default)]
pub struct Hex {
    /// With its brackets.
    pub start: u64,
    pub end: u64,
    /// What it says, if somebody wants to know.
    pub bytes: Vec<u8>,
    pub is_wanted: bool,
    pub half: Option<u8>,
    /// It is too long, or has something in it that is no digit.
    pub is_odd: bool,
}

/// What a signature dictionary says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubFilter {
    /// CMS over what the byte range covers (ISO 32000-2, 12.8.3.3; ETSI EN 319 142-1).
    Detached,
    /// A time stamp (12.8.5).
    TimeStamp,
    Other,
}

/// A signature dictionary.
#[derive(Debug, Default)]
pub struct Signature {
    pub byte_range: Option<Vec<u64>>,
    pub contents: Option<Hex>,
    pub sub_filter: Option<SubFilter>,
    /// When it was made, as it says: `M`.
    pub time: Option<Vec<u8>>,
    /// Something stands there twice, or is of another kind than it has to be.
    pub is_odd: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Type,
    SubFilter,
    ByteRange,
    Contents,
    Time,
    Length,
    Other,
}

#[derive(Debug, Default)]
struct Dictionary {
    key: Option<Key>,
    has_value: bool,
    is_signature: bool,
    length: Option<u64>,
    signature: Signature,
}

#[derive(Debug)]
enum Frame {
    Dictionary(Box<Dictionary>),
    Array { is_byte_range: bool },
}

/// Those that are open, and the signatures among those that were.
#[derive(Debug, Default)]
pub struct Dictionaries {
    open: Vec<Frame>,
    /// What the last one said of the length of its stream.
    length: Option<u64>,
    pub signatures: Vec<Signature>,
    pub are_too_many: bool,
}

impl Key {
    fn of(name: &[u8]) -> Self {
        match name {
            b"Type" => Self::Type,
            b"SubFilter" => Self::SubFilter,
            b"ByteRange" => Self::ByteRange,
            b"Contents" => Self::Contents,
            b"M" => Self::Time,
            b"Length" => Self::Length,
            _ => Self::Other,
        }
    }
}

fn number(word: &[u8]) -> Option<u64> {
    // As long as a number of bytes can be, and some zeros before it.
    let is_number = (1..=18).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| is_number)?.parse().ok()
}

impl Dictionary {
    fn name(&mut self, name: &[u8]) {
        let Some(key) = self.key.filter(|_| !self.has_value) else {
            (self.key, self.has_value) = (Some(Key::of(name)), false);
            return;
        };
        self.has_value = true;
        match key {
            Key::Type => self.is_signature |= matches!(name, b"Sig" | b"DocTimeStamp"),
            Key::SubFilter => {
                self.signature.is_odd |= self.signature.sub_filter.is_some();
                self.signature.sub_filter = Some(match name {
                    b"adbe.pkcs7.detached" | b"ETSI.CAdES.detached" => SubFilter::Detached,
                    b"ETSI.RFC3161" => SubFilter::TimeStamp,
                    _ => SubFilter::Other,
                });
            }
            key => self.odd(key),
        }
    }

    fn word(&mut self, word: &[u8]) {
        match self.key {
            // Two more words make it a reference.
            Some(Key::Length) => self.length = if self.has_value { None } else { number(word) },
            Some(key) => self.odd(key),
            None => {}
        }
        self.has_value = true;
    }

    /// Something of another kind than belongs to this key.
    fn odd(&mut self, key: Key) {
        self.has_value = true;
        if key == Key::ByteRange {
            self.is_signature = true;
        }
        self.signature.is_odd |= matches!(key, Key::ByteRange | Key::Contents | Key::SubFilter);
    }
}

impl Dictionaries {
    fn here(&mut self) -> Option<&mut Dictionary> {
        match self.open.last_mut()? {
            Frame::Dictionary(dictionary) => Some(dictionary),
            Frame::Array { .. } => None,
        }
    }

    /// A value that is more than one word begins.
    fn push(&mut self, frame: Frame) {
        if self.open.len() >= DEPTH_MAX {
            self.close();
        }
        self.open.push(frame);
    }

    pub fn begin_dictionary(&mut self) {
        if let Some(dictionary) = self.here()
            && let Some(key) = dictionary.key
        {
            dictionary.odd(key);
        }
        self.push(Frame::Dictionary(Box::default()));
    }

    pub fn end_dictionary(&mut self) {
        while let Some(frame) = self.open.pop() {
            let Frame::Dictionary(dictionary) = frame else { continue };
            let Dictionary { is_signature, length, signature, .. } = *dictionary;
            self.length = length;
            if is_signature {
                self.keep(signature);
            }
            return;
        }
    }

    fn keep(&mut self, signature: Signature) {
        if self.signatures.len() < SIGNATURES_MAX {
            self.signatures.push(signature);
        } else {
            self.are_too_many = true;
        }
    }

    /// Something else begins before what is open has ended. A signature that is so is none.
    pub fn close(&mut self) {
        for frame in std::mem::take(&mut self.open) {
            if let Frame::Dictionary(dictionary) = frame
                && dictionary.is_signature
            {
                self.keep(Signature { is_odd: true, ..dictionary.signature });
            }
        }
    }

    pub fn begin_array(&mut self) {
        let mut is_byte_range = false;
        if let Some(dictionary) = self.here()
            && let Some(key) = dictionary.key
        {
            is_byte_range = key == Key::ByteRange && !dictionary.has_value && dictionary.signature.byte_range.is_none();
            if is_byte_range {
                (dictionary.is_signature, dictionary.has_value) = (true, true);
                dictionary.signature.byte_range = Some(Vec::new());
            } else {
                dictionary.odd(key);
            }
        }
        self.push(Frame::Array { is_byte_range });
    }

    pub fn end_array(&mut self) {
        if matches!(self.open.last(), Some(Frame::Array { .. })) {
            self.open.pop();
        }
    }

    pub fn name(&mut self, name: &[u8]) {
        if let Some(dictionary) = self.here() {
            dictionary.name(name);
        }
    }

    pub fn word(&mut self, word: &[u8]) {
        // With these another object begins, whatever was open.
        if matches!(word, b"obj" | b"endobj" | b"xref" | b"trailer" | b"startxref") {
            self.close();
            return;
        }
        match self.open.as_mut_slice() {
            [.., Frame::Dictionary(dictionary)] => dictionary.word(word),
            [.., Frame::Dictionary(dictionary), Frame::Array { is_byte_range: true }] => {
                let signature = &mut dictionary.signature;
                match (&mut signature.byte_range, number(word)) {
                    (Some(numbers), Some(number)) if numbers.len() < NUMBERS_MAX => numbers.push(number),
                    _ => signature.is_odd = true,
                }
            }
            _ => {}
        }
    }

    /// A text in parentheses.
    pub fn text(&mut self, text: &[u8]) {
        let Some(dictionary) = self.here() else { return };
        match dictionary.key {
            Some(Key::Time) => {
                dictionary.has_value = true;
                dictionary.signature.time = Some(text.to_vec());
            }
            Some(key) => dictionary.odd(key),
            None => {}
        }
    }

    /// Of what signatures are, or may be.
    pub fn kept_bytes(&self) -> usize {
        let open = self.open.iter().filter_map(|frame| match frame {
            Frame::Dictionary(dictionary) => Some(&dictionary.signature),
            Frame::Array { .. } => None,
        });
        let all = open.chain(&self.signatures).filter_map(|signature| signature.contents.as_ref());
        all.map(|contents| contents.bytes.len()).sum()
    }

    /// A string in angle brackets begins there.
    pub fn hex(&mut self, start: u64) -> Hex {
        let is_wanted = self.here().is_some_and(|here| here.key == Some(Key::Contents))
            && self.kept_bytes() + CONTENTS_MAX_BYTES <= CONTENTS_TOTAL_MAX_BYTES;
        Hex { start, is_wanted, ..Hex::default() }
    }

    pub fn end_hex(&mut self, hex: Hex) {
        let Some(dictionary) = self.here() else { return };
        match dictionary.key {
            Some(Key::Contents) => {
                dictionary.signature.is_odd |= dictionary.has_value || dictionary.signature.contents.is_some();
                dictionary.has_value = true;
                dictionary.signature.contents = Some(hex);
            }
            Some(key) => dictionary.odd(key),
            None => {}
        }
    }

    /// The stream of the last dictionary begins: how long it is, if that stands there.
    pub fn begin_stream(&mut self) -> Option<u64> {
        self.close();
        self.length.take()
    }
}
