//! Files that are not what was written: found by whoever reads them and by the weekly reading, never given out.

use bytes::Bytes;
use futures_util::StreamExt as _;
use nutzerkonto::app::App;
use nutzerkonto::data::objects;
use nutzerkonto::kernel::chunks::{CHUNK, SEALED_CHUNK};
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::time::{days, hours};
use nutzerkonto::store::object::shelf::Memory;
use nutzerkonto::store::object::{Damage, ObjectRef};

use crate::both;
use crate::support::World;
use crate::support::dice::Dice;
use crate::support::objects::{Person, some_bytes};
use crate::support::surface::EMAIL;

/// A world whose files lie in memory, where somebody can get at them.
struct Place<'a> {
    world: &'a World,
    app: &'a App,
    memory: Memory,
}

impl<'a> Place<'a> {
    async fn of(world: &'a mut World) -> Self {
        let memory = world.keep_files_in_memory().await;
        Self { world, app: &world.app, memory }
    }

    async fn bytes(&self, object: &ObjectRef) -> Bytes {
        let path = self.world.path_of(object).await;
        self.memory.look(|memory| memory.files[&path].clone())
    }

    async fn put(&self, object: &ObjectRef, bytes: Option<Bytes>) {
        let path = self.world.path_of(object).await;
        self.memory.look(|memory| match bytes {
            Some(bytes) => drop(memory.files.insert(path, bytes)),
            None => drop(memory.files.remove(&path)),
        });
    }

    /// Before the first byte.
    async fn is_refused(&self, person: &Person, object: &ObjectRef) -> bool {
        let found = self.app.objects.find(&mut self.app.read().await.unwrap(), object, person.owner()).await;
        let opened = match found {
            Ok(found) => self.app.objects.open(found).await.map(drop),
            Err(error) => Err(error),
        };
        matches!(opened, Err(Error::Broken(reason)) if reason.contains("is damaged"))
    }

    async fn events(&self) -> Vec<String> {
        self.world.texts("SELECT subject FROM audit_event WHERE kind = 'object.damaged'").await
    }
}

both!(sec_v07_whatever_is_changed_in_its_place_is_refused_before_the_first_byte, async |mut world| {
    let [renate, suharto] = world.people().await;
    let place = Place::of(&mut world).await;
    let bytes = some_bytes(3 * CHUNK);
    let one = renate.stores(place.app, &bytes).await.unwrap();
    let other = renate.stores(place.app, &bytes).await.unwrap();
    let his = suharto.stores(place.app, &bytes).await.unwrap();
    let newer = renate.replaces(place.app, &one, &bytes).await.unwrap();
    let (stored, elsewhere) = (place.bytes(&one).await, place.bytes(&other).await);
    let chunk = |number: usize| &stored[1 + number * SEALED_CHUNK..1 + (number + 1) * SEALED_CHUNK];
    let joined = |parts: &[&[u8]]| Some(Bytes::from(parts.concat()));
    for (what, forged) in [
        ("missing", None),
        ("empty", joined(&[])),
        ("cut by one byte", Some(stored.slice(..stored.len() - 1))),
        ("cut by a chunk", Some(stored.slice(..1 + 2 * SEALED_CHUNK))),
        ("a byte more", joined(&[&stored, b"x"])),
        ("a chunk more", joined(&[&stored, chunk(2)])),
        ("two chunks exchanged", joined(&[&stored[..1], chunk(1), chunk(0), chunk(2)])),
        ("another file", Some(elsewhere.clone())),
        ("a chunk of another file", joined(&[&stored[..1 + SEALED_CHUNK], &elsewhere[1 + SEALED_CHUNK..]])),
        ("somebody else's file", Some(place.bytes(&his).await)),
        ("the next version", Some(place.bytes(&newer).await)),
    ] {
        place.put(&one, forged).await;
        assert!(place.is_refused(&renate, &one).await, "{what}");
        assert!(place.is_refused(&renate, &one).await, "{what}, and it is remembered");
        // The operator has put it right.
        place.put(&one, Some(stored.clone())).await;
        assert!(place.is_refused(&renate, &one).await, "not before somebody has looked");
        assert!(objects::check_all(place.app).await.unwrap().damaged.is_empty());
        assert!(renate.reads(place.app, &one).await.unwrap() == bytes, "{what}");
    }
    // The version before in the place of the newer one.
    place.put(&newer, Some(stored.clone())).await;
    assert!(place.is_refused(&renate, &newer).await);
    assert!(renate.reads(place.app, &one).await.unwrap() == bytes, "of others nothing is changed");
});

both!(sec_v07_whoever_writes_into_the_database_gains_nothing, async |mut world| {
    let [renate, suharto] = world.people().await;
    let place = Place::of(&mut world).await;
    let world = place.world;
    let one = renate.stores(place.app, b"first").await.unwrap();
    let two = renate.replaces(place.app, &one, b"second").await.unwrap();
    let id = one.id.as_str();
    let row = |version: i64, column: &str| {
        format!("(SELECT {column} FROM sealed_object WHERE id = '{id}' AND version = {version})")
    };
    for columns in [vec!["data_key"], vec!["content"], vec!["data_key", "content"]] {
        let back = columns.iter().map(|column| format!("{column} = {}", row(1, column))).collect::<Vec<_>>().join(", ");
        world.change("CREATE TABLE kept AS SELECT * FROM sealed_object").await;
        world.change(&format!("UPDATE sealed_object SET {back} WHERE version = 2")).await;
        // With its bytes, too: what he brings back is whole in itself.
        let (old, new) = (place.bytes(&one).await, place.bytes(&two).await);
        place.put(&two, Some(old)).await;
        assert!(place.is_refused(&renate, &two).await, "{columns:?}");
        let found = objects::check_all(place.app).await.unwrap().damaged;
        assert!(found.len() == 1 && found[0].1 == Damage::Row, "{columns:?}");
        place.put(&two, Some(new)).await;
        world.change("DELETE FROM sealed_object").await;
        world.change("INSERT INTO sealed_object SELECT * FROM kept").await;
        world.change("DROP TABLE kept").await;
        assert_eq!(renate.reads(place.app, &two).await.unwrap(), b"second");
    }
    // Somebody else's name on it.
    world.change(&format!("UPDATE sealed_object SET owner_id = '{}' WHERE version = 2", suharto.id)).await;
    assert!(matches!(renate.reads(place.app, &two).await, Err(Error::NotFound)));
    assert!(place.is_refused(&suharto, &two).await);
});

both!(rl28_a_bit_that_has_changed_is_found_wherever_it_is, async |mut world| {
    let [renate] = world.people().await;
    let place = Place::of(&mut world).await;
    let bytes = some_bytes(2 * CHUNK + 100);
    let object = renate.stores(place.app, &bytes).await.unwrap();
    let stored = place.bytes(&object).await;
    let mut dice = Dice(28);
    for round in 0..100 {
        let mut changed = stored.to_vec();
        let at = dice.below(changed.len());
        changed[at] ^= 1 << dice.below(8);
        place.put(&object, Some(changed.into())).await;
        // By whoever reads it, and by the reading that nobody asked for.
        if round % 2 == 0 {
            assert!(place.is_refused(&renate, &object).await, "byte {at}");
        } else {
            let found = objects::check_all(place.app).await.unwrap().damaged;
            assert!(found.len() == 1 && found[0].1 == Damage::Changed, "byte {at}");
        }
        place.put(&object, Some(stored.clone())).await;
        assert!(objects::check_all(place.app).await.unwrap().damaged.is_empty());
    }
    assert!(renate.reads(place.app, &object).await.unwrap() == bytes);
});

both!(a_long_file_is_looked_through_to_its_end, async |mut world| {
    let [renate] = world.people().await;
    let place = Place::of(&mut world).await;
    let bytes = some_bytes(300 * CHUNK + 1);
    let object = renate.stores(place.app, &bytes).await.unwrap();
    let stored = place.bytes(&object).await;
    for chunk in [0, 5, 6, 95, 96, 191, 192, 299, 300] {
        let mut changed = stored.to_vec();
        changed[1 + chunk * SEALED_CHUNK] ^= 1;
        place.put(&object, Some(changed.into())).await;
        assert!(place.is_refused(&renate, &object).await, "chunk {chunk}");
        place.put(&object, Some(stored.clone())).await;
        assert!(objects::check_all(place.app).await.unwrap().damaged.is_empty());
    }
    assert!(renate.reads(place.app, &object).await.unwrap() == bytes);
});

both!(what_changes_while_it_is_read_ends_the_reading, async |mut world| {
    let [renate] = world.people().await;
    let place = Place::of(&mut world).await;
    let bytes = some_bytes(40 * CHUNK);
    let object = renate.stores(place.app, &bytes).await.unwrap();
    let mut tx = place.app.read().await.unwrap();
    let found = place.app.objects.find(&mut tx, &object, renate.owner()).await.unwrap();
    drop(tx);
    let mut stream = std::pin::pin!(place.app.objects.open(found).await.unwrap().stream());
    let mut read = stream.next().await.unwrap().unwrap().to_vec();
    let mut changed = place.bytes(&object).await.to_vec();
    changed[20 * SEALED_CHUNK] ^= 1;
    place.put(&object, Some(changed.into())).await;
    let error = loop {
        match stream.next().await.expect("an end without an error would be taken for the end") {
            Ok(piece) => read.extend(piece),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Broken(_)) && stream.next().await.is_none());
    assert!(bytes.starts_with(&read) && read.len() <= 20 * CHUNK, "what has left is what was written");
});

both!(rl28_every_week_each_is_read, async |mut world| {
    let [renate, suharto] = world.people().await;
    let place = Place::of(&mut world).await;
    let world = place.world;
    let sound = renate.stores(place.app, b"sound").await.unwrap();
    let damaged = suharto.stores(place.app, b"damaged").await.unwrap();
    let mut bytes = place.bytes(&damaged).await.to_vec();
    bytes[3] ^= 1;
    place.put(&damaged, Some(bytes.into())).await;
    let reads = || place.memory.look(|memory| memory.reads);
    world.pass(days(7) - std::time::Duration::from_millis(1));
    objects::tend(place.app).await.unwrap();
    assert_eq!((reads(), place.events().await.len()), (0, 0), "not before its time");
    world.pass(std::time::Duration::from_millis(1));
    let other = world.open_with(|_| {}).await.unwrap();
    let (here, there) = tokio::join!(objects::tend(place.app), objects::tend(&other));
    here.and(there).unwrap();
    objects::tend(place.app).await.unwrap();
    assert_eq!(place.events().await, std::slice::from_ref(&suharto.id), "once, whoever found it");
    let detail = world.texts("SELECT detail FROM audit_event WHERE kind = 'object.damaged'").await.remove(0);
    assert!(detail.contains(damaged.id.as_str()) && !detail.contains(&suharto.id), "{detail}");
    let after = reads();
    for _ in 0..3 {
        world.pass(hours(24));
        objects::tend(place.app).await.unwrap();
    }
    assert_eq!(reads(), after, "neither of them again in the same week");
    assert!(place.is_refused(&suharto, &damaged).await);
    assert_eq!(renate.reads(place.app, &sound).await.unwrap(), b"sound");
    // Many at once are read in rounds.
    for _ in 0..40 {
        renate.stores(place.app, b"one of many").await.unwrap();
    }
    world.pass(days(8));
    let before = reads();
    for _ in 0..3 {
        objects::tend(place.app).await.unwrap();
    }
    let after = reads();
    assert!(after - before >= 41, "all of them: {}", after - before);
    objects::tend(place.app).await.unwrap();
    assert_eq!(reads(), after, "and then nothing is left to read");
    assert_eq!(place.events().await.len(), 1, "what is known is not told again");
});

both!(the_owner_reads_that_a_file_is_damaged, async |mut world| {
    let mut browser = world.browser();
    browser.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let renate = world.holder(&world.texts("SELECT id FROM account").await.remove(0)).await;
    let place = Place::of(&mut world).await;
    let object = renate.stores(place.app, b"photograph").await.unwrap();
    place.put(&object, None).await;
    assert!(place.is_refused(&renate, &object).await);
    objects::tend(place.app).await.unwrap();
    assert_eq!(place.events().await, std::slice::from_ref(&renate.id));
    let page = browser.get("/daten/protokoll").await.body;
    assert!(page.contains("Eine Ihrer Dateien ist beschädigt"), "{page}");
});
