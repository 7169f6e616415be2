//! Password hashing: Argon2id (RFC 9106) on a few threads of its own behind a queue with an end.
//!
//! Hashing is the dearest thing we do. Its threads keep their memory between hashes (fresh pages cost up
//! to half of the time), nothing else waits for them, and when the queue is full the answer is "busy".

use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::error::Error;
use super::random::Random;
use super::secret::{self, Secret};

const TAG_LENGTH: usize = 32;
const SALT_LENGTH: usize = 16;
/// Stored hashes beyond this are refused: a planted row must not be able to eat the memory.
const MEMORY_MAX_KIBIBYTES: u32 = 256 * 1024;
const ITERATIONS_MAX: u32 = 10;
/// A thread without work gives its memory back after this time.
const MEMORY_LIFETIME: Duration = Duration::from_secs(1);

/// The cost of one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kibibytes: u32,
    pub iterations: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, but stored with another cost than today's: hash again and replace.
    RightButOutdated,
}

enum Task {
    Hash(Secret<String>, [u8; SALT_LENGTH], oneshot::Sender<Result<String, Error>>),
    Verify(Secret<String>, Option<String>, oneshot::Sender<Result<Verdict, Error>>),
}

/// The threads that hash. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    queue: Sender<Task>,
    places: Arc<Semaphore>,
    random: Random,
}

/// A place among those who will be hashed for. Whoever has one is not sent away any more.
pub struct Admission(
    #[expect(dead_code, reason = "held until its owner has done what the hash was for")] OwnedSemaphorePermit,
);

impl Hasher {
    /// Starts `threads` threads. At most `queue_length` hashes wait; two seconds' worth is a good number.
    pub fn start(
        cost: Cost,
        threads: usize,
        queue_length: usize,
        pepper: &Secret<[u8; 32]>,
        random: Random,
    ) -> Result<Self, Error> {
        let (queue, tasks) = bounded(queue_length);
        for number in 0..threads {
            let worker = Worker { cost, pepper: pepper.clone(), memory: Vec::new() };
            let tasks = tasks.clone();
            std::thread::Builder::new()
                .name(format!("argon2-{number}"))
                .spawn(move || worker.run(&tasks))
                .map_err(Error::broken)?;
        }
        Ok(Self { queue, places: Arc::new(Semaphore::new(queue_length)), random })
    }

    /// A place in the queue, or the advice to come back: asked for before anything else is done for a stranger, so that
    /// a storm of sign-ins costs the database nothing.
    pub fn admit(&self) -> Result<Admission, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(Admission).map_err(|_| Error::Busy { retry_after_seconds: 2 })
    }

    /// A new salted hash as a PHC string.
    pub async fn hash(&self, password: Secret<String>) -> Result<String, Error> {
        let (answer, result) = oneshot::channel();
        self.send(Task::Hash(password, self.random.bytes(), answer))?;
        result.await.map_err(Error::broken)?
    }

    /// Compares. `None` stands for an account that does not exist and costs the same.
    pub async fn verify(&self, password: Secret<String>, stored: Option<String>) -> Result<Verdict, Error> {
        let (answer, result) = oneshot::channel();
        self.send(Task::Verify(password, stored, answer))?;
        result.await.map_err(Error::broken)?
    }

    fn send(&self, task: Task) -> Result<(), Error> {
        self.queue.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy { retry_after_seconds: 2 },
            TrySendError::Disconnected(_) => Error::Broken("the hashing threads have ended".to_owned()),
        })
    }
}

struct Worker {
    cost: Cost,
    pepper: Secret<[u8; 32]>,
    memory: Vec<Block>,
}

impl Worker {
    fn run(mut self, tasks: &Receiver<Task>) {
        while let Some(task) = self.next(tasks) {
            match task {
                Task::Hash(password, salt, answer) => drop(answer.send(self.hash(&password, &salt))),
                Task::Verify(password, stored, answer) => drop(answer.send(self.verify(&password, stored.as_deref()))),
            }
        }
    }

    /// The next task; `None` when nobody can bring one any more.
    fn next(&mut self, tasks: &Receiver<Task>) -> Option<Task> {
        match tasks.recv_timeout(MEMORY_LIFETIME) {
            Ok(task) => Some(task),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.memory = Vec::new();
                tasks.recv().ok()
            }
        }
    }

    fn hash(&mut self, password: &Secret<String>, salt: &[u8]) -> Result<String, Error> {
        let cost = self.cost;
        let tag = self.tag(password, salt, cost)?;
        let (memory, iterations) = (cost.memory_kibibytes, cost.iterations);
        Ok(format!("$argon2id$v=19$m={memory},t={iterations},p=1${}${}", BASE64.encode(salt), BASE64.encode(tag)))
    }

    fn verify(&mut self, password: &Secret<String>, stored: Option<&str>) -> Result<Verdict, Error> {
        let Some(stored) = stored else {
            self.tag(password, &[0; SALT_LENGTH], self.cost)?;
            return Ok(Verdict::Wrong);
        };
        let Some((cost, salt, expected)) = parse(stored) else {
            return Err(Error::Broken("a stored password hash is not one of ours".to_owned()));
        };
        let tag = self.tag(password, &salt, cost)?;
        Ok(match (secret::equal(&tag, &expected), cost == self.cost) {
            (false, _) => Verdict::Wrong,
            (true, true) => Verdict::Right,
            (true, false) => Verdict::RightButOutdated,
        })
    }

    fn tag(&mut self, password: &Secret<String>, salt: &[u8], cost: Cost) -> Result<[u8; TAG_LENGTH], Error> {
        let params = Params::new(cost.memory_kibibytes, cost.iterations, 1, Some(TAG_LENGTH)).map_err(Error::broken)?;
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::new());
        }
        let argon2 = Argon2::new_with_secret(self.pepper.expose(), Algorithm::Argon2id, Version::V0x13, params)
            .map_err(Error::broken)?;
        let mut tag = [0; TAG_LENGTH];
        argon2
            .hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut tag, &mut self.memory[..blocks])
            .map_err(Error::broken)?;
        Ok(tag)
    }
}

/// Reads the PHC string of [`Worker::hash`]; `None` for anything else or a cost beyond the limits.
fn parse(stored: &str) -> Option<(Cost, Vec<u8>, Vec<u8>)> {
    let mut parts = stored.strip_prefix("$argon2id$v=19$")?.split('$');
    let (cost, salt, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let mut numbers = cost.split(',').map(|part| part.split_once('=')?.1.parse::<u32>().ok());
    let (memory_kibibytes, iterations, lanes) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let (salt, tag) = (BASE64.decode(salt).ok()?, BASE64.decode(tag).ok()?);
    let sound = parts.next().is_none()
        && lanes == 1
        && (8..=MEMORY_MAX_KIBIBYTES).contains(&memory_kibibytes)
        && (1..=ITERATIONS_MAX).contains(&iterations)
        && salt.len() == SALT_LENGTH
        && tag.len() == TAG_LENGTH;
    sound.then_some((Cost { memory_kibibytes, iterations }, salt, tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kibibytes: 64, iterations: 1 };

    fn hasher(cost: Cost, queue_length: usize) -> Hasher {
        Hasher::start(cost, 1, queue_length, &Secret::new([7; 32]), Random::seeded(1)).unwrap()
    }

    fn password(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn verifies_what_it_hashed_and_notices_an_old_cost() {
        let hasher_now = hasher(CHEAP, 8);
        let stored = hasher_now.hash(password("richtig")).await.unwrap();
        let verdict = |given: &'static str| hasher_now.verify(password(given), Some(stored.clone()));
        assert_eq!(verdict("richtig").await.unwrap(), Verdict::Right);
        assert_eq!(verdict("falsch").await.unwrap(), Verdict::Wrong);
        assert_eq!(hasher_now.verify(password("richtig"), None).await.unwrap(), Verdict::Wrong);
        let dearer = hasher(Cost { memory_kibibytes: 128, iterations: 1 }, 8);
        assert_eq!(dearer.verify(password("richtig"), Some(stored)).await.unwrap(), Verdict::RightButOutdated);
    }

    #[tokio::test]
    async fn sec_o13_a_hostile_stored_hash_is_refused() {
        let hasher = hasher(CHEAP, 8);
        for hostile in [
            "",
            "$2b$12$abc",
            "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
            "$argon2id$v=19$m=,t=,p=$$",
        ] {
            assert!(hasher.verify(password("x"), Some(hostile.to_owned())).await.is_err(), "{hostile}");
        }
    }

    #[tokio::test]
    async fn a_full_queue_sheds() {
        let hasher = hasher(Cost { memory_kibibytes: 32 * 1024, iterations: 3 }, 1);
        let tries = futures_util::future::join_all((0..8).map(|_| hasher.hash(password("x")))).await;
        assert!(tries.iter().any(|result| matches!(result, Err(Error::Busy { .. }))));
        assert!(tries.iter().any(Result::is_ok));
    }

    /// RFC 9106 section 5.3, with secret and without associated data, is covered by the argon2 crate;
    /// this pins our own text form.
    #[test]
    fn the_stored_form_is_read_back() {
        let text = "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(parse(text).unwrap().0, CHEAP);
    }
}
