//! Documents: how fast the safe takes and gives a large one, and how much memory that needs.

use std::fs::{File, remove_file};
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use nutzerkonto::app::{self, Surroundings};
use nutzerkonto::config::Config;
use nutzerkonto::sql;
use nutzerkonto::store::work::Actor;
use tokio::runtime::Runtime;

use super::http::{Connection, Outcome, drive, get};
use super::series::{Contender, compare};
use super::server::{Instance, Process, beside};
use super::visitors::{pages, session};
use super::{CONNECTIONS, Options};

const BYTES: usize = 100 * 1000 * 1000;
/// As the product seals.
const CHUNK: usize = 64 * 1024;
const MARK: &str = "grenze";
const FORM: &str = "/safe/hochladen";
/// Documents in one safe; a page has more than few.
const FEW: usize = 10;
const A_PAGE: usize = 26;
const MANY: i64 = 100_000;

/// How often per second something is done that takes long.
fn rate(duration: Duration, mut act: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < duration {
        act()?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// A PDF of so many bytes, nearly all of them in one stream, as whatever is scanned has them.
pub fn document(bytes: usize) -> Vec<u8> {
    let head = |length: usize| format!("%PDF-1.7\n1 0 obj\n<< /Length {length:09} >>\nstream\n");
    let end = b"\nendstream\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n";
    let length = bytes - head(0).len() - end.len();
    let scanned = (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8);
    [head(length).as_bytes(), &scanned.collect::<Vec<u8>>(), end].concat()
}

fn gcm(duration: Duration) -> Outcome<f64> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32])?);
    let mut chunk = vec![b'x'; CHUNK];
    rate(duration, || {
        for number in 0..BYTES.div_ceil(CHUNK) {
            let mut nonce = [0; 12];
            nonce[..8].copy_from_slice(&number.to_le_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut chunk)?;
            black_box(tag.as_ref().len());
        }
        Ok(())
    })
}

/// A file as one program writes it, durable.
fn write(instance: &Instance, duration: Duration) -> Outcome<f64> {
    let (path, chunk) = (beside(instance, "written"), vec![b'x'; CHUNK]);
    rate(duration, || {
        let mut file = File::create(&path)?;
        for _ in 0..BYTES.div_ceil(CHUNK) {
            file.write_all(&chunk)?;
        }
        file.sync_all()?;
        Ok(remove_file(&path)?)
    })
}

fn read(instance: &Instance, duration: Duration) -> Outcome<f64> {
    let (path, mut chunk) = (beside(instance, "read"), vec![0; CHUNK]);
    std::fs::write(&path, vec![b'x'; BYTES])?;
    rate(duration, || {
        let mut file = File::open(&path)?;
        while file.read(&mut chunk)? > 0 {}
        Ok(())
    })
}

/// Somebody who uploads.
struct Person<'a> {
    instance: &'a Instance,
    session: String,
    connection: Connection,
    body: Vec<u8>,
}

impl<'a> Person<'a> {
    fn new(instance: &'a Instance, account: u64, bytes: usize) -> Outcome<Self> {
        let mut connection = Connection::open(instance.address)?;
        let session = session(instance, &mut connection, account)?;
        let page = connection.ask(&get(&instance.host, FORM, &session))?;
        let csrf = page.between("name=\"csrf\" value=\"", "\"").to_owned();
        let field = |name: &str, value: &str| {
            format!("--{MARK}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let file = format!(
            "--{MARK}\r\nContent-Disposition: form-data; name=\"dateien\"; filename=\"Urkunde.pdf\"\r\n\
             Content-Type: application/pdf\r\n\r\n"
        );
        let head = [field("csrf", &csrf), field("ordner", ""), file].concat();
        let body = [head.as_bytes(), &document(bytes), format!("\r\n--{MARK}--\r\n").as_bytes()].concat();
        Ok(Self { instance, session, connection, body })
    }

    /// The id of the new document.
    fn uploads(&mut self) -> Outcome<String> {
        let head = format!(
            "POST {FORM} HTTP/1.1\r\nhost: {}\r\n{}content-type: multipart/form-data; boundary={MARK}\r\ncontent-length: {}\r\n\r\n",
            self.instance.host,
            self.session,
            self.body.len()
        );
        self.connection.send(head.as_bytes())?;
        let answer = self.connection.ask(&self.body)?;
        answer.expect(200)?;
        Ok(format!("doc_{}", answer.between("href=\"/safe/doc_", "\"")))
    }

    fn downloads(&mut self, document: &str) -> Outcome<()> {
        self.connection.send(&get(&self.instance.host, &format!("/safe/{document}/1/datei"), &self.session))?;
        let received = self.connection.discard()?;
        if received < BYTES { Err(format!("only {received} bytes came").into()) } else { Ok(()) }
    }
}

/// V: a document of 100 MB, against sealing it and writing or reading the file; the first page of a safe with few documents and with many.
pub fn documents(options: &Options, runtime: &Runtime) -> Outcome<()> {
    let instance = runtime.block_on(Instance::prepare(options.database, "documents", 3))?;
    let settings = std::fs::read_to_string(instance.config())?;
    let shelf = beside(&instance, "objects");
    let more = format!("[safe]\nquota_mebibytes = 1000000\n[objects]\ndirectory = {shelf:?}\n");
    std::fs::write(instance.config(), settings + &more)?;
    let (server, _) = instance.start()?;
    large(options, &instance, &server)?;
    many(options, runtime, &instance, &server)
}

/// So that every thread that hashes passwords has the memory that it keeps, which has nothing to do with documents.
pub fn sign_in_at_once(instance: &Instance) -> Outcome<()> {
    std::thread::scope(|scope| {
        let sign_in = || session(instance, &mut Connection::open(instance.address)?, 0).map(drop);
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(sign_in)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })
}

fn large(options: &Options, instance: &Instance, server: &Process) -> Outcome<()> {
    let mut person = Person::new(instance, 0, BYTES)?;
    let (mut up, mut down) = (Person::new(instance, 0, BYTES)?, Person::new(instance, 0, BYTES)?);
    sign_in_at_once(instance)?;
    let (before, duration) = (server.resident_mebibytes()?, options.duration());
    server.forget_peak()?;
    let document = person.uploads()?;
    person.downloads(&document)?;
    let contenders = vec![
        Contender::own("AES-256-GCM over 100 MB, one thread", || gcm(duration)),
        Contender::own("writing 100 MB, durable", || write(instance, duration)),
        Contender::own("reading 100 MB", || read(instance, duration)),
        Contender::served("uploading 100 MB", server, || rate(duration, || up.uploads().map(drop))),
        Contender::served("downloading 100 MB", server, || rate(duration, || down.downloads(&document))),
    ];
    let measured = compare("V. A document of 100 MB", options.pace(), contenders)?;
    let [seal, write, read, upload, download] = measured.as_slice() else { return Ok(()) };
    println!("\nUploading, of sealing and writing: {:.1} %", 100.0 * upload.share_of(&[(seal, 1.0), (write, 1.0)]));
    println!("Downloading, of sealing and reading: {:.1} %", 100.0 * download.share_of(&[(seal, 1.0), (read, 1.0)]));
    println!("More memory at most than before: {:.1} MiB", server.peak_mebibytes()? - before);
    Ok(())
}

fn many(options: &Options, runtime: &Runtime, instance: &Instance, server: &Process) -> Outcome<()> {
    let (mut has_few, mut has_many) = (Person::new(instance, 1, 1000)?, Person::new(instance, 2, 1000)?);
    for _ in 0..FEW {
        has_few.uploads()?;
    }
    for _ in 0..A_PAGE {
        has_many.uploads()?;
    }
    let copied = has_many.uploads()?;
    runtime.block_on(async {
        let app = app::open(Config::read(&instance.config())?, Surroundings::default()).await?;
        let mut work = app.begin(Actor::System("bench")).await?;
        // Older than those that stand on the first page.
        sql!(
            &mut work.tx,
            execute,
            "WITH RECURSIVE numbers(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < $2)
             INSERT INTO safe_document (id, owner, level, description, folder, version, created_at)
             SELECT 'doc_00' || CAST(n AS TEXT), owner, level, description, folder, version, created_at
               FROM numbers, safe_document WHERE id = $1",
            copied,
            MANY
        )?;
        work.commit().await?;
        app.db.close().await;
        Outcome::Ok(())
    })?;
    let duration = options.duration();
    let look = |person: &Person<'_>| {
        let mut visitors = pages(CONNECTIONS, vec![get(&instance.host, "/safe", &person.session)]);
        move || drive(instance.address, &mut visitors, duration)
    };
    let contenders = vec![
        Contender::served(&format!("{FEW} documents"), server, look(&has_few)),
        Contender::served(&format!("{MANY} documents"), server, look(&has_many)),
    ];
    compare("V. The first page of a safe", options.pace(), contenders)?;
    Ok(())
}
