//! Files: whose they are, how they come, and what somebody may do to them who has the place where they lie.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use nutzerkonto::account;
use nutzerkonto::app::AppParts;
use nutzerkonto::demo::people;
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::random::Random;
use nutzerkonto::kernel::seal::DataKey;
use nutzerkonto::store::object::{self, ObjectRef, Owner};
use nutzerkonto::store::work::Actor;

use super::world::World;

/// Somebody who has files.
pub struct Person {
    pub id: String,
    pub key: DataKey,
}

impl Person {
    pub fn owner(&self) -> Owner<'_> {
        Owner { id: &self.id, key: &self.key }
    }

    /// Stores a file, and finishes it in work of its own.
    pub async fn stores(&self, app: &AppParts, bytes: &[u8]) -> Result<ObjectRef, Error> {
        let written = app.objects.begin(self.owner()).await?.write(pieces(bytes, 50_000), u64::MAX).await?;
        let mut work = app.begin(Actor::System("test")).await?;
        let object = written.finish(&mut work, self.owner()).await?;
        work.commit().await?;
        Ok(object)
    }

    /// The same as the next version of a file.
    pub async fn replaces(&self, app: &AppParts, before: &ObjectRef, bytes: &[u8]) -> Result<ObjectRef, Error> {
        let writing = app.objects.begin_version(&before.id, self.owner()).await?;
        let written = writing.write(pieces(bytes, 50_000), u64::MAX).await?;
        let mut work = app.begin(Actor::System("test")).await?;
        let object = written.finish(&mut work, self.owner()).await?;
        work.commit().await?;
        Ok(object)
    }

    pub async fn reads(&self, app: &AppParts, object: &ObjectRef) -> Result<Vec<u8>, Error> {
        let found = app.objects.find(&mut app.read().await?, object, self.owner()).await?;
        collect(app.objects.open(found).await?.stream()).await
    }

    pub async fn removes(&self, app: &AppParts, object: &ObjectRef) -> Result<(), Error> {
        let mut work = app.begin(Actor::System("test")).await?;
        object::doom(&mut work, object, &self.id).await?;
        work.commit().await
    }
}

pub async fn collect(stream: impl Stream<Item = Result<Bytes, Error>>) -> Result<Vec<u8>, Error> {
    let (mut stream, mut out) = (std::pin::pin!(stream), Vec::new());
    while let Some(piece) = stream.next().await {
        out.extend_from_slice(&piece?);
    }
    Ok(out)
}

/// As they come from a browser: pieces of some size.
pub fn pieces(bytes: &[u8], size: usize) -> impl Stream<Item = Result<Bytes, String>> + use<> {
    let pieces: Vec<_> = bytes.chunks(size.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

pub fn some_bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Random::seeded(length as u64).fill(&mut bytes);
    bytes
}

impl World {
    /// People with an account each.
    pub async fn people<const N: usize>(&self) -> [Person; N] {
        people::seed(&self.app, N as u64, false).await.unwrap();
        let ids = self.texts("SELECT id FROM account ORDER BY id").await;
        let mut people = Vec::new();
        for id in ids.iter().take(N) {
            people.push(self.holder(id).await);
        }
        people.try_into().unwrap_or_else(|_| panic!("not as many accounts as people"))
    }

    /// Somebody who has an account already.
    pub async fn holder(&self, id: &str) -> Person {
        let mut tx = self.app.read().await.unwrap();
        let key = account::key(&mut tx, &self.app.vault, &AccountId::parse(id).unwrap()).await.unwrap();
        Person { id: id.to_owned(), key }
    }

    pub fn object_directory(&self) -> PathBuf {
        self.config.object_directory().unwrap()
    }

    /// Every file that lies there, half ones too, with its path below the directory.
    pub fn files(&self) -> Vec<String> {
        let (root, mut found) = (self.object_directory(), Vec::new());
        for shelf in std::fs::read_dir(&root).unwrap() {
            let shelf = shelf.unwrap();
            for file in std::fs::read_dir(shelf.path()).unwrap() {
                let path = file.unwrap().path();
                found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
            }
        }
        found.sort();
        found
    }

    pub async fn path_of(&self, object: &ObjectRef) -> String {
        let query = format!(
            "SELECT path FROM sealed_object WHERE id = '{}' AND version = {}",
            object.id.as_str(),
            object.version
        );
        self.texts(&query).await.remove(0)
    }

    /// Waits until this is so, ten seconds at most.
    pub async fn becomes(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        for _ in 0..200 {
            if is_so().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not within ten seconds: {what}");
    }
}
