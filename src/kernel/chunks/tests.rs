use super::*;
use crate::kernel::random::Random;
use crate::kernel::secret::sha256;

const OF: Of<'static> = Of { owner: "acc_1", object: "obj_1", version: 1 };

fn some_bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Random::seeded(length as u64).fill(&mut bytes);
    bytes
}

/// Seals in pieces of this size.
fn seal(key: &DataKey, of: Of<'_>, plain: &[u8], piece: usize) -> (Vec<u8>, Content) {
    let (mut sealer, mut stored) = (Sealer::new(key, of).unwrap(), Vec::new());
    for piece in plain.chunks(piece) {
        sealer.take(piece).unwrap();
        stored.extend(sealer.sealed());
    }
    let (last, content) = sealer.finish().unwrap();
    stored.extend(last);
    (stored, content)
}

/// What a reader does.
fn open(key: &DataKey, of: Of<'_>, (stored, content): (&[u8], &Content)) -> Option<Vec<u8>> {
    let mut stored = stored.to_vec();
    let opened = Opener::new(key, of, content).unwrap().open(0..content.chunks(), &mut stored).ok()?;
    Some(opened.into_iter().flat_map(|at| stored[at].to_vec()).collect())
}

/// Chunk by chunk, each from its own place.
fn open_each(key: &DataKey, of: Of<'_>, (stored, content): (&[u8], &Content)) -> Option<Vec<u8>> {
    let opener = Opener::new(key, of, content).unwrap();
    let mut plain = Vec::new();
    for number in 0..content.chunks() {
        let at = content.stored(number..number + 1);
        let mut chunk = stored.get(usize::try_from(at.start).ok()?..usize::try_from(at.end).ok()?)?.to_vec();
        let [opened] = opener.open(number..number + 1, &mut chunk).ok()?.try_into().ok()?;
        plain.extend_from_slice(&chunk[opened]);
    }
    Some(plain)
}

fn key(seed: u64) -> DataKey {
    DataKey::random(&Random::seeded(seed))
}

#[test]
fn what_was_sealed_opens_whatever_its_length() {
    let key = key(1);
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7, 20_000_000] {
        let plain = some_bytes(length);
        let (stored, content) = seal(&key, OF, &plain, 70_000);
        assert_eq!(content.stored_length(), stored.len() as u64, "{length}");
        assert_eq!((content.length, content.sha256), (length as u64, sha256(&plain)), "{length}");
        let bytes = content.to_bytes();
        assert_eq!(Content::from_bytes(&bytes).as_ref(), Some(&content));
        assert_eq!(Content::from_bytes(&[bytes.as_slice(), &[7; 32]].concat()).as_ref(), Some(&content));
        assert!(
            Content::from_bytes(&bytes[1..]).is_none() && Content::from_bytes(&[&bytes[..], b"x"].concat()).is_none()
        );
        assert!(open(&key, OF, (&stored, &content)).unwrap() == plain, "{length}");
        assert!(open_each(&key, OF, (&stored, &content)).unwrap() == plain, "{length}");
    }
}

#[test]
fn in_what_pieces_it_comes_makes_no_difference() {
    let (key, plain) = (key(1), some_bytes(2 * CHUNK + 100));
    let whole = seal(&key, OF, &plain, plain.len());
    for piece in [1000, CHUNK - 1, CHUNK, CHUNK + 1] {
        assert!(seal(&key, OF, &plain, piece) == whole, "{piece}");
    }
}

/// RL28, of all at once and of chunks alone.
#[test]
fn rl28_a_thousand_changed_bits_are_a_thousand_refusals() {
    let (key, plain, random) = (key(2), some_bytes(3 * CHUNK + 5000), Random::seeded(28));
    let (stored, content) = seal(&key, OF, &plain, CHUNK);
    let borders = (0..content.chunks()).flat_map(|number| {
        let at = content.stored(number..number + 1);
        [at.start, at.start + 1, at.end - TAG as u64, at.end - 1]
    });
    let anywhere = (0..1000).map(|_| u64::from_be_bytes(random.bytes()) % stored.len() as u64);
    for place in [0].into_iter().chain(borders).chain(anywhere) {
        let (mut changed, bit) = (stored.clone(), random.bytes::<1>()[0] % 8);
        changed[usize::try_from(place).unwrap()] ^= 1 << bit;
        assert!(open(&key, OF, (&changed, &content)).is_none(), "bit {bit} of byte {place}");
        assert!(open_each(&key, OF, (&changed, &content)).is_none(), "bit {bit} of byte {place}");
    }
}

#[test]
fn sec_v07_nothing_is_left_out_moved_repeated_or_added() {
    let (key, plain) = (key(3), some_bytes(3 * CHUNK));
    let (stored, content) = seal(&key, OF, &plain, CHUNK);
    let chunk = |number: usize| &stored[1 + number * SEALED_CHUNK..1 + (number + 1) * SEALED_CHUNK];
    let head = &stored[..1];
    let shorter = Content { length: 2 * CHUNK as u64, ..content };
    let longer = Content { length: 4 * CHUNK as u64, ..content };
    for (what, forged, told) in [
        ("cut at a border", [head, chunk(0), chunk(1)].concat(), &content),
        ("cut at a border, and the length says so", [head, chunk(0), chunk(1)].concat(), &shorter),
        ("cut within a chunk", stored[..stored.len() - 1].to_vec(), &content),
        ("the first left out", [head, chunk(1), chunk(2)].concat(), &shorter),
        ("moved", [head, chunk(1), chunk(0), chunk(2)].concat(), &content),
        ("repeated", [head, chunk(0), chunk(0), chunk(2)].concat(), &content),
        ("added", [head, chunk(0), chunk(1), chunk(2), chunk(2)].concat(), &longer),
        ("nothing left", Vec::new(), &content),
    ] {
        assert!(open(&key, OF, (&forged, told)).is_none(), "{what}");
        assert!(open_each(&key, OF, (&forged, told)).is_none(), "{what}, chunk by chunk");
    }
    assert!(open(&key, OF, (&[stored.as_slice(), b"x"].concat(), &content)).is_none(), "a byte more");
}

#[test]
fn sec_v07_nobody_elses_and_no_other_version_opens() {
    let (key, other, plain) = (key(4), key(5), some_bytes(CHUNK + 1));
    let (stored, content) = seal(&key, OF, &plain, CHUNK);
    for (what, of) in [
        ("another owner", Of { owner: "acc_2", ..OF }),
        ("another object", Of { object: "obj_2", ..OF }),
        ("another version", Of { version: 2, ..OF }),
        ("a border moved", Of { owner: "acc_1\0obj", object: "_1", ..OF }),
    ] {
        assert!(open(&key, of, (&stored, &content)).is_none(), "{what}");
    }
    assert!(open(&other, OF, (&stored, &content)).is_none(), "another key");
    // A chunk of another object under the same number.
    let (theirs, _) = seal(&other, OF, &plain, CHUNK);
    let mixed = [&stored[..1 + SEALED_CHUNK], &theirs[1 + SEALED_CHUNK..]].concat();
    assert!(open(&key, OF, (&mixed, &content)).is_none());
}
