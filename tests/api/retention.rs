//! RL38 and invariant 22: the clean-up takes what has expired and nothing else.

use std::time::Duration;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::machine::plant_key;
use crate::support::plants;
use crate::support::surface::{EMAIL, busy_renate, two_services};
use crate::support::{Browser, World};
use nutzerkonto::kernel::time::{Timestamp, days};
use nutzerkonto::sql;
use nutzerkonto::store::db::Tx;
use nutzerkonto::store::retention::{self, Object};

/// Puts one row that expires then into every table whose rows do. `name` tells it from others.
async fn plant(tx: &mut Tx, name: &str, at: Timestamp) {
    let bytes = name.as_bytes();
    sql!(
        tx,
        execute,
        "INSERT INTO mail_check (code_hash, kind, sent_at, expires_at) VALUES ($1, 'welcome', 1, $2)",
        bytes,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO mailed_code (purpose, owner, code_hash, tries, sent_at, expires_at)
         VALUES ('x', $1, $1, 0, 1, $2)",
        bytes,
        at
    )
    .unwrap();
    sql!(tx, execute, "INSERT INTO attempt (purpose, key_hash, allowed, delay_milliseconds, blocked_until, expires_at, count, is_refused)
         VALUES ('x', $1, 1, 0, 0, $2, 1, FALSE)", bytes, at)
        .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO registration (browser_hash, account_id, key_wrapped, stage, version, draft, expires_at)
         VALUES ($1, $2, $1, 'code_sent', 1, $1, $3)",
        bytes,
        name,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO password_reset (browser_hash, stage, email, expires_at) VALUES ($1, 'code_sent', $1, $2)",
        bytes,
        at
    )
    .unwrap();
    plant_data(tx, name, at).await;
    plant_protocol(tx, name, at).await;
}

async fn plant_data(tx: &mut Tx, name: &str, at: Timestamp) {
    let bytes = name.as_bytes();
    sql!(tx, execute, "INSERT INTO account (id, status, language, created_at) VALUES ($1, 'erased', 'de', 1)", name)
        .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO address_change (account_id, address, new_confirmed, old_confirmed, expires_at)
         VALUES ($1, $2, FALSE, FALSE, $3)",
        name,
        bytes,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO eid_reading (browser_hash, token_hash, is_read, sealed, expires_at) VALUES ($1, $1, FALSE, $1, $2)",
        bytes,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO partial_sign_in (browser_hash, account_id, expires_at) VALUES ($1, $2, $3)",
        bytes,
        name,
        at
    )
    .unwrap();
    plant_proofs(tx, name, at).await;
    plant_organisation(tx, name, at).await;
    plant_key(tx, name, at.minus(days(731))).await;
    plants::mandate(tx, name, at.minus(days(30))).await;
    plants::attachment(tx, name, at).await;
    plants::desk_case(tx, name, at.minus(days(30))).await;
    sql!(
        tx,
        execute,
        "INSERT INTO recovery (account_id, cancel_hash, started_at, remind_at, release_at, expires_at)
         VALUES ($1, $2, 1, 1, 1, $3)",
        name,
        bytes,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO data_export (token_hash, account_id, session_id, expires_at) VALUES ($1, $2, $2, $3)",
        bytes,
        name,
        at
    )
    .unwrap();
}

async fn plant_proofs(tx: &mut Tx, name: &str, at: Timestamp) {
    let bytes = name.as_bytes();
    sql!(
        tx,
        execute,
        "INSERT INTO desk_slip (browser_hash, account_id, code_hash, code, asked_at, expires_at)
         VALUES ($1, $2, $1, $1, 1, $3)",
        bytes,
        name,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO desk_release (account_id, code_hash, cancel_hash, released_at, expires_at)
         VALUES ($1, $2, $2, 1, $3)",
        name,
        bytes,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO desk_case (id, account_id, code_hash, state, created_at, expires_at)
         VALUES ($1, $1, $2, 'waiting', 1, $3)",
        name,
        bytes,
        at.minus(days(30))
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO letter (id, account_id, code_hash, address, state, tries, ordered_at, expires_at)
         VALUES ($1, $1, $2, $2, 'under_way', 0, $3, $3)",
        name,
        bytes,
        at.minus(days(90))
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO guardian (id, ward_id, ward_side, guardian_id, guardian_side, recorded_at, expires_at)
         VALUES ($1, $1, $2, $1, $2, 1, $3)",
        name,
        bytes,
        at
    )
    .unwrap();
}

async fn plant_organisation(tx: &mut Tx, name: &str, at: Timestamp) {
    let bytes = name.as_bytes();
    sql!(
        tx,
        execute,
        "INSERT INTO organisation_draft (account_id, version, draft, expires_at) VALUES ($1, 1, $2, $3)",
        name,
        bytes,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO organisation (id, state, level, version, record, record_at, created_at, state_since)
         VALUES ($1, 'closed', 'basic', 1, $2, 1, 1, 1)",
        name,
        bytes
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO organisation_letter
             (id, organisation_id, purpose, code_hash, address, state, tries, ordered_at, expires_at)
         VALUES ($1, $1, 'seat', $2, $2, 'void', 0, 1, $3)",
        name,
        bytes,
        at.minus(days(90))
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO membership (id, organisation_id, account_id, since, ended_at, name) VALUES ($1, $1, $1, 1, 1, $2)",
        name,
        bytes
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO invitation (id, organisation_id, code_hash, address, address_index, rights, state, invited_by,
                                 invited_at, expires_at)
         VALUES ($1, $1, $2, $2, $2, '[]', 'open', $1, 1, $3)",
        name,
        bytes,
        at.minus(days(30))
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO handover (id, organisation_id, from_id, to_id, rights, state, offered_at, expires_at)
         VALUES ($1, $1, $1, $1, '[]', 'open', 1, $2)",
        name,
        at.minus(days(30))
    )
    .unwrap();
}

async fn plant_protocol(tx: &mut Tx, name: &str, at: Timestamp) {
    let bytes = name.as_bytes();
    sql!(
        tx,
        execute,
        "INSERT INTO authorization_request (id, browser_hash, client_id, request, created_at, expires_at)
         VALUES ($1, $2, 'x', $2, 1, $3)",
        name,
        bytes,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO authorization_code (code_hash, client_id, account_id, session_id, grant_id, redirect_uri, scope,
                                         level, methods, authenticated_at, expires_at)
         VALUES ($1, 'x', $2, $2, $2, 'x', 'openid', 'basic', 'pwd', 1, $3)",
        bytes,
        name,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO client_grant (id, client_id, account_id, session_id, scope, level, authenticated_at,
                                   created_at, expires_at)
         VALUES ($1, 'x', 'x', 'x', 'openid', 'basic', 1, 1, $2)",
        name,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO pushed_request (uri_hash, client_id, request, expires_at) VALUES ($1, 'x', $1, $2)",
        bytes,
        at
    )
    .unwrap();
    sql!(tx, execute, "INSERT INTO spent_token (hash, expires_at) VALUES ($1, $2)", bytes, at).unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO device_authorization
             (device_hash, user_hash, client_id, request, state, interval_seconds, created_at, expires_at)
         VALUES ($1, $1, 'x', $1, 'pending', 5, 1, $2)",
        bytes,
        at
    )
    .unwrap();
    plant_registration(tx, name, at).await;
}

async fn plant_registration(tx: &mut Tx, name: &str, at: Timestamp) {
    let bytes = name.as_bytes();
    sql!(
        tx,
        execute,
        "INSERT INTO registered_client (id, definition, metadata, access_hash, admitted_by, created_at, expires_at)
         VALUES ($1, '{}', '{}', $2, 'x', 1, $3)",
        name,
        bytes,
        at
    )
    .unwrap();
    sql!(
        tx,
        execute,
        "INSERT INTO registration_token (id, token_hash, note, operator, uses_left, created_at, expires_at)
         VALUES ($1, $2, 'x', 'x', 1, 1, $3)",
        name,
        bytes,
        at
    )
    .unwrap();
}

/// The tables planted above, and for each how to read the names back.
const TABLES: [(&str, &str); 31] = [
    ("mail_check", "code_hash"),
    ("mailed_code", "owner"),
    ("attempt", "key_hash"),
    ("registration", "browser_hash"),
    ("password_reset", "browser_hash"),
    ("partial_sign_in", "browser_hash"),
    ("eid_reading", "browser_hash"),
    ("recovery", "cancel_hash"),
    ("address_change", "account_id"),
    ("data_export", "token_hash"),
    ("desk_case", "id"),
    ("desk_slip", "browser_hash"),
    ("desk_release", "code_hash"),
    ("letter", "id"),
    ("guardian", "id"),
    ("organisation_draft", "account_id"),
    ("organisation_letter", "id"),
    ("organisation_desk_case", "id"),
    ("organisation_key", "id"),
    ("invitation", "id"),
    ("handover", "id"),
    ("mandate", "id"),
    ("postbox_attachment", "id"),
    ("authorization_request", "browser_hash"),
    ("pushed_request", "uri_hash"),
    ("device_authorization", "device_hash"),
    ("authorization_code", "code_hash"),
    ("client_grant", "id"),
    ("spent_token", "hash"),
    ("registered_client", "id"),
    ("registration_token", "id"),
];

/// Which of the planted rows a table still has.
async fn left(world: &World, table: &str, names: &[&str]) -> Vec<String> {
    let dump = world.dump().await;
    let hex = |name: &str| name.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let holds =
        |name: &str| dump[table].iter().any(|row| row.contains(name) || row.to_ascii_lowercase().contains(&hex(name)));
    names.iter().filter(|name| holds(name)).map(|name| (*name).to_owned()).collect()
}

both!(rl38_nothing_that_holds_is_deleted, async |world| {
    let now = world.app.now();
    let millisecond = Duration::from_millis(1);
    let names = ["before", "exactly", "afterwards", "long-ago"];
    let mut tx = world.app.db.begin().await.unwrap();
    plant(&mut tx, "before", now.minus(millisecond)).await;
    plant(&mut tx, "exactly", now).await;
    plant(&mut tx, "afterwards", now.plus(millisecond)).await;
    plant(&mut tx, "long-ago", now.minus(days(1)).minus(millisecond)).await;
    world.app.db.commit(tx).await.unwrap();
    // The server's own clean-up may have come first, at the same instant.
    retention::run(&world.app.db, now).await.unwrap();
    for (table, column) in TABLES {
        let left = left(&world, table, &names).await;
        assert!(left.contains(&"afterwards".to_owned()), "{table}.{column} was deleted before its time: {left:?}");
        assert!(!left.contains(&"long-ago".to_owned()), "{table}.{column} is kept for more than a day: {left:?}");
    }
    // What was good for one more millisecond goes with the day after it.
    retention::run(&world.app.db, now.plus(days(1)).plus(millisecond * 2)).await.unwrap();
    for (table, _) in TABLES {
        assert_eq!(left(&world, table, &names).await, [""; 0], "{table}");
    }
});

// Every table that has an expiry has a row in the clean-up, so that a new one is not forgotten.
both!(rl38_every_table_that_expires_is_cleaned, async |world| {
    let query = if world.database.url.starts_with("sqlite:") {
        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
          WHERE m.type = 'table' AND c.name = 'expires_at'"
    } else {
        "SELECT CAST(table_name AS TEXT) FROM information_schema.columns
          WHERE column_name = 'expires_at' AND table_schema = 'public'
            AND table_name IN (SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE')"
    };
    let mut found = world.texts(query).await;
    found.sort();
    let mut known: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    known.sort_unstable();
    assert_eq!(found, known);
});

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/konto").await.status == 200
}

both!(rl38_a_living_session_is_never_touched, async |world| {
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    // Idle for a moment less than an hour, again and again, and cleaned up each time.
    let almost = Duration::from_millis(59 * 60 * 1000 + 59_999);
    for _ in 0..11 {
        world.pass(almost);
        retention::run(&world.app.db, world.app.now()).await.unwrap();
        assert!(is_signed_in(&mut renate).await);
    }
    let mut other = world.browser();
    other.sign_in(EMAIL, PASSWORD).await;
    world.pass(Duration::from_secs(25 * 3600));
    let gone = world.rows("session").await;
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!((gone, world.rows("session").await), (2, 2), "25 hours after the last request, exactly");
    world.pass(Duration::from_millis(1));
    retention::run(&world.app.db, world.app.now()).await.unwrap();
    assert_eq!(world.rows("session").await, 0);
});

// The same from outside: whoever is in the middle of something loses nothing to the clean-up a moment before the end.
both!(rl38_people_in_the_middle_lose_nothing, async |world| {
    let mut busy = busy_renate(&world).await;
    let [parken, _] = two_services(&world).await;
    let code = parken.code(&mut busy.browser, &[]).await;
    let clean = async || {
        retention::run(&world.app.db, world.app.now()).await.unwrap();
    };
    world.pass(Duration::from_millis(49_999));
    clean().await;
    let tokens = parken.redeem(&world, &code).await;
    assert_eq!(tokens.status, 200, "a code lives fifty seconds");
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    // Tokens speak of whole seconds.
    world.pass(Duration::from_millis(299_000));
    clean().await;
    assert_eq!(parken.userinfo(&world, &token).await.status, 200, "a token lives five minutes");
    world.pass(Duration::from_millis(241_000));
    clean().await;
    let answer = busy.browser.post("/registrieren/code", &[("code", &busy.code)]).await;
    assert_eq!(answer.status, 303, "a mailed code lives ten minutes");
    world.pass(Duration::from_millis(1_200_000));
    clean().await;
    assert_eq!(busy.browser.get(&format!("/weiter{}", busy.flow)).await.status, 303, "a request lives half an hour");
    let set = busy.browser.post("/wieder-anmelden/passwort", &[("password", "neues-passwort-mit-wolken")]).await;
    assert_eq!(set.status, 303, "a confirmed reset lives half an hour");
    world.pass(Duration::from_millis(23 * 3_600_000));
    clean().await;
    assert_eq!(busy.browser.get("/registrieren/name").await.status, 200, "a registration lives a day");
});

// What has no expiry of its own, but a time in the table.
both!(rl38_devices_and_mails_that_were_given_up_have_their_time, async |world| {
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let now = world.app.now();
    let mut tx = world.app.db.begin().await.unwrap();
    for (id, given_up_at) in [("job_old", now.minus(days(90))), ("job_young", now.minus(days(89)))] {
        sql!(
            &mut tx,
            execute,
            "INSERT INTO outbox (id, kind, payload, attempts, due_at, created_at, given_up_at)
             VALUES ($1, 'mail', $2, 12, 1, 1, $3)",
            id,
            [0_u8].as_slice(),
            given_up_at
        )
        .unwrap();
    }
    world.app.db.commit(tx).await.unwrap();
    let moment = Duration::from_millis(1);
    let due = retention::report(&world.app.db, now.plus(moment)).await.unwrap();
    let due_of = |object: Object| due.iter().find(|(rule, _)| rule.object == object).unwrap().1;
    assert_eq!((due_of(Object::UndeliveredMail), due_of(Object::Device), due_of(Object::Session)), (1, 0, 0));
    assert_eq!(world.rows("outbox").await, 2, "a report changes nothing");
    retention::run(&world.app.db, now.plus(moment)).await.unwrap();
    assert_eq!(world.texts("SELECT id FROM outbox").await, ["job_young"]);
    retention::run(&world.app.db, now.plus(days(400))).await.unwrap();
    assert_eq!(world.rows("device").await, 1, "400 days, exactly");
    retention::run(&world.app.db, now.plus(days(400)).plus(moment)).await.unwrap();
    assert_eq!(world.rows("device").await, 0);
});

#[test]
fn every_object_has_its_rule() {
    let mut objects: Vec<String> = retention::RULES.iter().map(|rule| format!("{:?}", rule.object)).collect();
    objects.sort_unstable();
    objects.dedup();
    assert_eq!(objects.len(), retention::RULES.len(), "one rule each");
    assert!(retention::RULES.iter().all(|rule| !rule.basis.is_empty() && !rule.from.is_empty()));
    let line = retention::RULES.iter().find(|rule| rule.object == Object::Session).unwrap().line(3);
    assert_eq!(
        line,
        "Session                delete  25 hours   after: last sign of life; Art. 5 Abs. 1 Buchst. e DSGVO: no longer needed; due: 3"
    );
}
