//! Files that are sealed and lie elsewhere: written, read, given up, removed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::ResponseError as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use nutzerkonto::data::{closing, leaving, objects};
use nutzerkonto::kernel::chunks::{CHUNK, SEALED_CHUNK};
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::secret::sha256;
use nutzerkonto::kernel::time::{days, hours, minutes};
use nutzerkonto::keys::master::rewrap;
use nutzerkonto::organisation;
use nutzerkonto::store::object::{self, Counts, ObjectRef, Pace};
use nutzerkonto::store::work::Actor;

use crate::both;
use crate::keys::own_master_key;
use crate::support::World;
use crate::support::browser::PASSWORD;
use crate::support::dice::Dice;
use crate::support::objects::{Person, collect, pieces, some_bytes};
use crate::support::surface::EMAIL;

const CANARY: &[u8] = b"Befund: Kanarienvogel";

async fn counts(world: &World) -> Counts {
    object::counts(&mut world.app.read().await.unwrap()).await.unwrap()
}

both!(what_renate_stores_she_gets_back, async |world| {
    let [renate, suharto] = world.people().await;
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 9 * CHUNK + 3, 20_000_000] {
        let bytes = some_bytes(length);
        let writing = world.app.objects.begin(renate.owner()).await.unwrap();
        let written = writing.write(pieces(&bytes, 100_000), length as u64).await.unwrap();
        assert_eq!((written.length(), *written.sha256()), (length as u64, sha256(&bytes)));
        assert_eq!(written.beginning(), &bytes[..length.min(4096)]);
        let mut work = world.app.begin(Actor::System("test")).await.unwrap();
        let object = written.finish(&mut work, renate.owner()).await.unwrap();
        work.commit().await.unwrap();
        assert!(renate.reads(&world.app, &object).await.unwrap() == bytes, "{length}");
        assert!(matches!(suharto.reads(&world.app, &object).await, Err(Error::NotFound)), "it is not his");
    }
    // A part of it, whatever the numbers say.
    let bytes = some_bytes(9 * CHUNK + 3);
    let object = renate.stores(&world.app, &bytes).await.unwrap();
    let size = CHUNK as u64;
    for range in [0..1, 5..10, 0..size, size - 1..size + 1, size..9 * size + 3, 8 * size..u64::MAX, u64::MAX..u64::MAX]
    {
        let mut tx = world.app.read().await.unwrap();
        let found = world.app.objects.find(&mut tx, &object, renate.owner()).await.unwrap();
        let opened = world.app.objects.open(found).await.unwrap();
        let cut = |at: u64| usize::try_from(at).unwrap().min(bytes.len());
        let expected = &bytes[cut(range.start)..cut(range.end)];
        assert!(collect(opened.stream_range(range.clone())).await.unwrap() == expected, "{range:?}");
    }
});

both!(sec_v09_what_lies_there_says_nothing, async |world| {
    let [renate] = world.people().await;
    let bytes = [CANARY, &some_bytes(100), CANARY].concat();
    let one = renate.stores(&world.app, &bytes).await.unwrap();
    let two = renate.replaces(&world.app, &one, &bytes).await.unwrap();
    let three = renate.stores(&world.app, &bytes).await.unwrap();
    assert_eq!((two.id == one.id, two.version, three.version), (true, 2, 1));
    let files = world.files();
    let mut seen = Vec::new();
    for file in &files {
        let stored = std::fs::read(world.object_directory().join(file)).unwrap();
        assert!(!stored.windows(CANARY.len()).any(|part| part == CANARY), "{file}");
        assert!(!file.contains(&renate.id) && file.len() == 33, "{file} says whose it is");
        seen.push(stored[1..60].to_vec());
    }
    seen.sort();
    seen.dedup();
    assert_eq!((files.len(), seen.len()), (3, 3), "sec_v08: the same bytes three times, each under a key of its own");
    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains("Kanarienvogel") && !dump.contains("4b616e617269656e766f67656c"));
    for object in [&one, &two, &three] {
        assert_eq!(renate.reads(&world.app, object).await.unwrap(), bytes, "each version stays");
    }
});

both!(nobody_sees_it_before_it_is_finished_or_after_it_is_removed, async |world| {
    let [renate, suharto] = world.people().await;
    let app = &world.app;
    let written = app.objects.begin(renate.owner()).await.unwrap().write(pieces(CANARY, 5), 100).await.unwrap();
    let object = written.object().clone();
    assert!(matches!(renate.reads(app, &object).await, Err(Error::NotFound)), "written, not finished");
    let mut work = app.begin(Actor::System("test")).await.unwrap();
    written.finish(&mut work, renate.owner()).await.unwrap();
    assert!(matches!(renate.reads(app, &object).await, Err(Error::NotFound)), "finished, not committed");
    work.commit().await.unwrap();
    assert_eq!(renate.reads(app, &object).await.unwrap(), CANARY);

    assert!(matches!(suharto.removes(app, &object).await, Err(Error::NotFound)), "not his to remove");
    renate.removes(app, &object).await.unwrap();
    assert!(matches!(renate.reads(app, &object).await, Err(Error::NotFound)), "its bytes are still there");
    assert!(matches!(renate.removes(app, &object).await, Err(Error::NotFound)), "twice");
    objects::tend(app).await.unwrap();
    assert_eq!((world.files(), world.rows("sealed_object").await), (vec![], 0));

    // Work that never happened: what it would have finished is as if nobody had.
    let written = app.objects.begin(renate.owner()).await.unwrap().write(pieces(CANARY, 5), 100).await.unwrap();
    let mut work = app.begin(Actor::System("test")).await.unwrap();
    let object = written.finish(&mut work, renate.owner()).await.unwrap();
    drop(work);
    assert!(matches!(renate.reads(app, &object).await, Err(Error::NotFound)));
    world.pass(hours(1) - Duration::from_millis(1));
    objects::tend(app).await.unwrap();
    assert_eq!(world.files().len(), 1, "not before its time");
    world.pass(Duration::from_millis(1));
    objects::tend(app).await.unwrap();
    assert_eq!((world.files(), world.rows("sealed_object").await), (vec![], 0));
});

both!(what_comes_too_late_is_not_finished, async |world| {
    let [renate] = world.people().await;
    let begin = || async { world.app.objects.begin(renate.owner()).await.unwrap() };
    let written = begin().await.write(pieces(CANARY, 5), 100).await.unwrap();
    world.pass(hours(1));
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    assert!(matches!(written.finish(&mut work, renate.owner()).await, Err(Error::Gone)));
    work.commit().await.unwrap();
    // Somebody has given it up in between.
    let writing = begin().await;
    let mut work = world.app.begin(Actor::System("test")).await.unwrap();
    assert!(object::doom_all(&mut work, &renate.id).await.unwrap() >= 1);
    work.commit().await.unwrap();
    assert!(matches!(writing.write(pieces(CANARY, 5), 100).await, Err(Error::Gone)));
    world.pass(hours(1));
    world
        .becomes("nothing is left", async || {
            objects::tend(&world.app).await.unwrap();
            world.files().is_empty() && world.rows("sealed_object").await == 0
        })
        .await;
});

both!(sec_v03_who_sends_too_much_too_slowly_or_half_leaves_nothing, async |world| {
    let [renate] = world.people().await;
    let bytes = some_bytes(3 * CHUNK);
    let begin = || async { world.app.objects.begin(renate.owner()).await.unwrap() };
    let refused = begin().await.write(pieces(&bytes, 1000), bytes.len() as u64 - 1).await.map(drop).unwrap_err();
    assert!(matches!(refused, Error::TooLarge) && refused.status_code() == 413);
    let endless = stream::repeat_with(|| Ok::<_, String>(Bytes::from_static(&[7; 10_000])));
    assert!(matches!(begin().await.write(endless, 1_000_000).await, Err(Error::TooLarge)));
    let broken = pieces(&bytes, 1000).chain(stream::iter([Err("the browser is gone".to_owned())]));
    let refused = begin().await.write(broken, u64::MAX).await.map(drop).unwrap_err();
    assert!(matches!(refused, Error::Incomplete) && refused.status_code() == 408);
    // Ten bytes in a second, and nothing any more at all.
    let trickle = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, String>(Bytes::from_static(b"x")), ()))
    });
    let silence = pieces(&bytes, 1000).chain(stream::pending());
    let mut writing = begin().await;
    writing.pace = Pace { window: Duration::from_millis(300), bytes: 1000 };
    assert!(matches!(writing.write(trickle, u64::MAX).await, Err(Error::Incomplete)));
    let mut writing = begin().await;
    writing.pace = Pace { window: Duration::from_millis(300), bytes: 1000 };
    assert!(matches!(writing.write(silence, u64::MAX).await, Err(Error::Incomplete)));
    // Room is given back at once, in the same process; rows go an hour later.
    world.becomes("no half file is left", async || world.files().is_empty()).await;
    world.becomes("all are given up", async || counts(&world).await.unfinished == 0).await;
    world.pass(hours(1));
    objects::tend(&world.app).await.unwrap();
    assert_eq!(world.rows("sealed_object").await, 0);
});

// RL04: the future is dropped at any moment, which is what happens when a browser goes away, and what a killed process leaves.
both!(rl04_an_upload_that_is_broken_off_anywhere_is_whole_or_invisible, async |world| {
    let [renate] = world.people().await;
    let bytes = some_bytes(3 * CHUNK + 17);
    let (mut dice, finished) = (Dice(4), AtomicUsize::new(0));
    let mut moments = 400;
    for round in 0..500 {
        let upload = async {
            match renate.stores(&world.app, &bytes).await {
                // A busy machine.
                Err(Error::Busy { .. }) => {}
                stored => drop((stored.unwrap(), finished.fetch_add(1, Ordering::SeqCst))),
            }
        };
        let limit = Duration::from_micros(dice.below(moments) as u64 * 100);
        let is_in_time = tokio::time::timeout(limit, upload).await.is_ok();
        // As long as most take here, whatever the machine.
        moments = if is_in_time { moments.max(100) - 10 } else { moments + 10 };
        if round % 50 == 0 {
            objects::tend(&world.app).await.unwrap();
        }
    }
    let finished = finished.load(Ordering::SeqCst);
    assert!((50..450).contains(&finished), "{finished} of 500");
    // What was under way on the disk when nobody waited any more.
    tokio::time::sleep(Duration::from_millis(500)).await;
    world
        .becomes("nobody is at it any more", async || {
            world.pass(hours(1));
            objects::tend(&world.app).await.unwrap();
            let counts = counts(&world).await;
            (counts.unfinished, counts.doomed) == (0, 0)
        })
        .await;
    // A commit that was under way when nobody waited any more counts.
    let checked = objects::check_all(&world.app).await.unwrap();
    assert!(checked.damaged.is_empty() && checked.read >= finished as u64, "{finished} {}", checked.read);
    let mut known = world.texts("SELECT path FROM sealed_object").await;
    known.sort();
    assert_eq!(world.files(), known, "no bytes without a row, no row without bytes");
});

both!(two_nodes_share_what_lies_there, async |world| {
    let [renate] = world.people().await;
    let other = world.open_with(|_| {}).await.unwrap();
    let bytes = some_bytes(CHUNK + 1);
    let object = renate.stores(&world.app, &bytes).await.unwrap();
    assert!(renate.reads(&other, &object).await.unwrap() == bytes);
    // Each version begun is another one, wherever.
    let one = world.app.objects.begin_version(&object.id, renate.owner()).await.unwrap();
    let two = other.objects.begin_version(&object.id, renate.owner()).await.unwrap();
    assert_eq!((one.object().version, two.object().version), (2, 3));
    drop((one, two));
    for _ in 0..20 {
        renate.removes(&other, &renate.stores(&world.app, &bytes).await.unwrap()).await.unwrap();
    }
    let (one, two) = tokio::join!(world.app.objects.sweep(), other.objects.sweep());
    assert!(one.unwrap() + two.unwrap() <= 20, "each is counted once");
    let left = counts(&world).await;
    assert_eq!(left.doomed + left.unfinished, 2, "the two that were begun");
    world.pass(days(7));
    let (one, two) = tokio::join!(world.app.objects.take_due(100), other.objects.take_due(100));
    assert!(one.unwrap().len() + two.unwrap().len() <= 1, "and read by one");
});

both!(rl08_without_room_nothing_new_is_kept_and_everything_else_goes_on, async |mut world| {
    let [renate] = world.people().await;
    let memory = world.keep_files_in_memory().await;
    let app = &world.app;
    let bytes = some_bytes(5 * CHUNK);
    let object = renate.stores(app, &bytes).await.unwrap();
    memory.look(|memory| memory.capacity = Some(8 * CHUNK));
    let refused = renate.stores(app, &bytes).await.unwrap_err();
    assert!(matches!(refused, Error::NoRoom) && refused.status_code() == 507);
    assert!(renate.reads(app, &object).await.unwrap() == bytes);
    // Out of reach: come again.
    memory.look(|memory| memory.is_unreachable = true);
    for refused in [renate.stores(app, &bytes).await.map(drop), renate.reads(app, &object).await.map(drop)] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, Error::Busy { .. }) && refused.status_code() == 503, "{refused}");
    }
    world.pass(days(8));
    assert!(objects::tend(app).await.is_err(), "the operator reads of it in the log");
    assert_eq!(object::counts(&mut app.read().await.unwrap()).await.unwrap().damaged, 0, "that is no damage");
    memory.look(|memory| (memory.is_unreachable, memory.capacity) = (false, None));
    assert!(renate.reads(app, &object).await.unwrap() == bytes);
    renate.stores(app, &bytes).await.unwrap();
    world.pass(hours(1));
    objects::tend(app).await.unwrap();
    assert_eq!(memory.look(|memory| (memory.files.len(), memory.under_way)), (2, 0));
    assert_eq!(world.rows("sealed_object").await, 2);
});

both!(nobody_holds_more_than_a_few_chunks_of_a_file, async |mut world| {
    let [renate] = world.people().await;
    let memory = world.keep_files_in_memory().await;
    let app = &world.app;
    let bytes = some_bytes(20_000_000);
    let whole = stream::iter([Ok::<_, String>(Bytes::from(bytes.clone()))]);
    let written = app.objects.begin(renate.owner()).await.unwrap().write(whole, u64::MAX).await.unwrap();
    let mut work = app.begin(Actor::System("test")).await.unwrap();
    let object = written.finish(&mut work, renate.owner()).await.unwrap();
    work.commit().await.unwrap();
    assert!(memory.look(|memory| memory.longest) > 100 * SEALED_CHUNK, "whoever has all of it in hand has it");
    memory.look(|memory| memory.longest = 0);
    let pieces = stream::iter(bytes.chunks(100_000).map(|piece| Ok::<_, String>(Bytes::copy_from_slice(piece))));
    drop(app.objects.begin(renate.owner()).await.unwrap().write(pieces, u64::MAX).await.unwrap());
    assert!(memory.look(|memory| memory.longest) <= 6 * SEALED_CHUNK, "a quarter of a megabyte at a time");
    let found = app.objects.find(&mut app.read().await.unwrap(), &object, renate.owner()).await.unwrap();
    let mut stream = std::pin::pin!(app.objects.open(found).await.unwrap().stream());
    let before = memory.look(|memory| memory.reads);
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first.len(), CHUNK + CHUNK / 2);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let ahead = memory.look(|memory| memory.reads) - before;
    assert!(ahead <= 3, "a reader who takes their time is waited for: {ahead}");
    assert!(collect(stream).await.unwrap() == bytes[first.len()..]);
    assert!(memory.look(|memory| memory.longest) <= 7 * SEALED_CHUNK, "less than half a megabyte, when it is read");
});

both!(there_is_a_limit_to_what_goes_on_at_once, async |world| {
    let [renate] = world.people().await;
    let mut uploads = Vec::new();
    let refused = loop {
        match world.app.objects.begin(renate.owner()).await {
            Ok(upload) => uploads.push(upload),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, Error::Busy { retry_after_seconds: 5 }) && uploads.len() == 16);
    uploads.pop();
    let object = renate.stores(&world.app, CANARY).await.unwrap();
    drop(uploads);
    let open = || async {
        let found = world.app.objects.find(&mut world.app.read().await?, &object, renate.owner()).await?;
        world.app.objects.open(found).await
    };
    let mut readers = Vec::new();
    while let Ok(reader) = open().await {
        readers.push(reader);
    }
    assert!(matches!(open().await.map(drop), Err(Error::Busy { .. })) && readers.len() == 64);
    assert_eq!(collect(readers.pop().unwrap().stream()).await.unwrap(), CANARY);
    world.becomes("whoever has read makes room", async || open().await.is_ok()).await;
});

both!(rl20_another_master_key_changes_nothing, async |mut world| {
    let [renate] = world.people().await;
    let bytes = some_bytes(2 * CHUNK);
    let object = renate.stores(&world.app, &bytes).await.unwrap();
    let stored = world.path_of(&object).await;
    world
        .restart(|config| {
            let new = own_master_key(config, 7);
            config.keys.other_master_key = Some(std::mem::replace(&mut config.keys.master_key, new));
        })
        .await;
    rewrap(&world.app).await.unwrap();
    world.restart(|config| config.keys.other_master_key = None).await;
    let mut tx = world.app.read().await.unwrap();
    let id = nutzerkonto::kernel::id::AccountId::parse(&renate.id).unwrap();
    let key = nutzerkonto::account::key(&mut tx, &world.app.vault, &id).await.unwrap();
    drop(tx);
    let renate = Person { id: renate.id, key };
    assert!(renate.reads(&world.app, &object).await.unwrap() == bytes);
    assert_eq!(world.path_of(&object).await, stored, "and nothing was written anew");
});

async fn whole(world: &World, person: &Person) -> (ObjectRef, usize) {
    (person.stores(&world.app, CANARY).await.unwrap(), world.files().len())
}

both!(sec_v11_whoever_leaves_takes_their_files_along, async |world| {
    let mut browser = world.browser();
    browser.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let renate = world.holder(&world.texts("SELECT id FROM account").await.remove(0)).await;
    let (object, files) = whole(&world, &renate).await;
    let under_way = world.app.objects.begin(renate.owner()).await.unwrap();
    assert_eq!(files, 1);
    browser.get("/daten/loeschen").await;
    let left = browser.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert_eq!(left.status, 303, "{}", left.body);
    assert!(matches!(renate.reads(&world.app, &object).await, Err(Error::NotFound)), "with the key in hand");
    assert!(matches!(under_way.write(pieces(CANARY, 5), 100).await, Err(Error::Gone)));
    world.pass(minutes(1));
    leaving::tend(&world.app).await.unwrap();
    world
        .becomes("no file is left", async || {
            objects::tend(&world.app).await.unwrap();
            world.files().is_empty()
        })
        .await;
    world.pass(hours(1));
    objects::tend(&world.app).await.unwrap();
    let own = format!("SELECT id FROM sealed_object WHERE owner_id = '{}'", renate.id);
    assert_eq!(world.texts(&own).await, [""; 0]);
});

both!(files_of_an_organisation_end_with_it, async |world| {
    let (_, id) = world.nadine_with_bakery().await;
    let key = organisation::key(&mut world.app.read().await.unwrap(), &world.app.vault, &id).await.unwrap();
    let bakery = Person { id: id.to_string(), key };
    let (object, _) = whole(&world, &bakery).await;
    let close = "UPDATE organisation SET state = 'closing', erase_at = 1";
    assert_eq!(bakery.reads(&world.app, &object).await.unwrap(), CANARY);
    world.change(close).await;
    closing::tend(&world.app).await.unwrap();
    assert!(matches!(bakery.reads(&world.app, &object).await, Err(Error::NotFound)));
    objects::tend(&world.app).await.unwrap();
    assert_eq!((world.files(), world.rows("sealed_object").await), (vec![], 0));
});
