//! Attestation of passkeys, attack row Q05: whose word counts for what a passkey is worth.

use nutzerkonto::config::AttestationPolicy;
use rcgen::{CertificateParams, date_time_ymd};
use serde_json::json;
use webauthn_rs::prelude::Uuid;

use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::security_passkey::registered;
use crate::support::maker::{MODEL, MODEL_TEXT, Maker, Voucher};
use crate::support::passkey::{BACKED_UP, BACKUP_ELIGIBLE, Key};
use crate::support::surface::EMAIL;
use crate::support::{Browser, World};

const ALL: &str = "/sicherheit/passkeys";

/// From now on this maker has to vouch, for all of its models or for some.
async fn require(world: &mut World, maker: &Maker, models: &'static [&'static str]) {
    let root = maker.root_in(&world.database.directory);
    world
        .restart(|config| {
            config.passkey.attestation = AttestationPolicy::Required;
            config.passkey.attestation_roots = vec![root];
            config.passkey.aaguids = models.iter().map(|model| Uuid::parse_str(model).unwrap()).collect();
        })
        .await;
}

fn key(world: &World, voucher: Option<Voucher>) -> Key {
    let mut key = Key::new(world);
    (key.model, key.voucher) = (MODEL, voucher);
    key
}

/// What the newest passkey counts as: its kind, and the level at which it was registered.
async fn newest(world: &World) -> String {
    world.texts("SELECT kind || ' ' || registered FROM passkey ORDER BY created_at DESC, id DESC").await.remove(0)
}

/// Of somebody who has nothing else yet but a password.
async fn worth(world: &World, number: usize, mut key: Key) -> String {
    world.pass(std::time::Duration::from_millis(1));
    let mut somebody = registered(world, &format!("person{number}@example.org")).await;
    let made = somebody.add(&mut key, "Schlüssel").await;
    assert_eq!(made.location(), "/sicherheit/passkeys?erledigt=bereit", "{made:?}");
    let mut elsewhere = world.browser();
    assert_eq!(elsewhere.sign_in_with(&mut key).await.status, 303, "it signs in, whatever it is worth");
    newest(world).await
}

both!(sec_q05_only_a_maker_who_is_trusted_vouches_for_a_passkey, async |mut world| {
    let (maker, stranger) = (Maker::new("Hersteller"), Maker::new("Fremder"));
    require(&mut world, &maker, &[MODEL_TEXT]).await;
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2026, 11, 22);
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(2026, 11, 24);
    let mut synchronised = key(&world, Some(maker.voucher(|_| {})));
    synchronised.flags |= BACKUP_ELIGIBLE | BACKED_UP;
    let rows: [(&str, Key, &str); 7] = [
        ("trusted", key(&world, Some(maker.voucher(|_| {}))), "attested_passkey substantial"),
        ("no attestation", key(&world, None), "device_passkey low"),
        ("another root", key(&world, Some(stranger.voucher(|_| {}))), "device_passkey low"),
        ("its own root's name", key(&world, Some(Maker::new("Hersteller").voucher(|_| {}))), "device_passkey low"),
        ("expired", key(&world, Some(maker.voucher(expired))), "device_passkey low"),
        ("not yet", key(&world, Some(maker.voucher(future))), "device_passkey low"),
        ("copied to other devices", synchronised, "synchronised_passkey low"),
    ];
    for (number, (what, key, expected)) in rows.into_iter().enumerate() {
        assert_eq!(worth(&world, number, key).await, expected, "{what}");
    }
});

both!(sec_q05_a_model_that_is_not_listed_does_not_count, async |mut world| {
    let maker = Maker::new("Hersteller");
    require(&mut world, &maker, &["00000000-0000-0000-0000-000000000001"]).await;
    assert_eq!(worth(&world, 0, key(&world, Some(maker.voucher(|_| {})))).await, "device_passkey low");

    // Nor may a device say that it is another model than its certificate is for.
    let mut renate = registered(&world, EMAIL).await;
    let mut liar = key(&world, Some(maker.voucher(|_| {})));
    liar.model[15] ^= 1;
    assert_eq!(renate.make(&mut liar, "").await.status, 422);

    // Without a list every model of the maker counts.
    require(&mut world, &maker, &[]).await;
    assert_eq!(worth(&world, 1, key(&world, Some(maker.voucher(|_| {})))).await, "attested_passkey substantial");
});

both!(sec_q05_a_word_for_another_challenge_is_refused, async |mut world| {
    let maker = Maker::new("Hersteller");
    require(&mut world, &maker, &[]).await;
    let mut renate = registered(&world, EMAIL).await;
    let challenge = renate.challenge_to_make("").await.unwrap();
    assert_eq!(challenge.options["attestation"], json!("direct"));
    assert_eq!(challenge.options["attestationFormats"], json!(["packed", "tpm"]));
    let mut phone = key(&world, Some(maker.voucher(|_| {})));
    let mut sent = phone.make(&challenge.options);
    let mut another = challenge.options.clone();
    another["challenge"] = json!("AAAA");
    sent["response"]["attestationObject"] = phone.make(&another)["response"]["attestationObject"].clone();
    assert_eq!(renate.send_key(&challenge, &sent, "").await.status, 422);
    assert_eq!(world.rows("passkey").await, 0);
});

// The policy holds at each look: what was registered before it is worth less, and the session is.
both!(sec_q05_a_passkey_from_before_loses_what_only_its_own_word_gave, async |mut world| {
    let mut before = key(&world, None);
    let mut renate = registered(&world, EMAIL).await;
    let options = renate.challenge_to_make("").await.unwrap().options;
    assert_eq!(options["attestation"], json!("none"), "nobody is asked unless the operator wants it");
    renate.add(&mut before, "Alt").await;
    assert_eq!(newest(&world).await, "device_passkey substantial");
    let level = async |browser: &mut Browser| browser.get(ALL).await.body.contains("Anmeldung: substanziell");
    assert!(level(&mut renate).await);
    let maker = Maker::new("Hersteller");
    require(&mut world, &maker, &[]).await;
    let mut again = world.browser();
    assert_eq!(again.sign_in_with(&mut before).await.status, 303);
    assert!(!level(&mut again).await);
    let proven = world.texts("SELECT level FROM session ORDER BY created_at DESC, id DESC").await;
    assert_eq!(proven[0], "low", "{proven:?}");
    // From there a passkey with its maker's word is the way up.
    let mut new = key(&world, Some(maker.voucher(|_| {})));
    again.add(&mut new, "Neu").await;
    assert_eq!(newest(&world).await, "attested_passkey substantial");
});

both!(sec_q05_what_nobody_asked_for_is_refused, async |world| {
    let mut renate = registered(&world, EMAIL).await;
    let mut phone = key(&world, Some(Maker::new("Hersteller").voucher(|_| {})));
    assert_eq!(renate.make(&mut phone, "").await.status, 422);
});

both!(sec_q08_nobody_makes_a_passkey_an_attested_one_in_the_database, async |world| {
    let mut renate = registered(&world, EMAIL).await;
    let mut phone = key(&world, None);
    renate.add(&mut phone, "").await;
    world.change("UPDATE passkey SET kind = 'attested_passkey'").await;
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 500);
    world.change("UPDATE passkey SET kind = 'device_passkey', model = NULL").await;
    assert_eq!(world.browser().sign_in_with(&mut phone).await.status, 303, "as those from before the column");
});

both!(renate_reads_which_model_a_passkey_is_of, async |mut world| {
    let maker = Maker::new("Hersteller");
    require(&mut world, &maker, &[]).await;
    let mut renate = registered(&world, EMAIL).await;
    let mut keys = [key(&world, Some(maker.voucher(|_| {}))), key(&world, None), Key::new(&world)];
    keys[1].flags |= BACKUP_ELIGIBLE | BACKED_UP;
    let told = [
        &["Modell bestätigt", MODEL_TEXT, "Der Hersteller hat sie bestätigt"][..],
        &[MODEL_TEXT, "Geprüft ist das nicht", "Wird mit anderen Geräten abgeglichen"],
        &["Das Modell ist nicht bekannt", "Wird nicht mit anderen"],
    ];
    for (number, (key, words)) in keys.iter_mut().zip(told).enumerate() {
        world.pass(std::time::Duration::from_millis(1));
        renate.add(key, &format!("Nummer {number}")).await;
        let list = renate.get(ALL).await.body;
        let row = list.split("<dt>").last().unwrap();
        assert!(words.iter().all(|word| row.contains(word)), "{words:?}: {row}");
        assert_eq!(row.contains("Modell bestätigt"), number == 0, "{row}");
    }
    let export = asks(&mut renate).await;
    let (_, archive) = fetch(&renate, &export).await;
    let json: serde_json::Value = serde_json::from_str(&file(&archive, "konto.json")).unwrap();
    let of = |number: usize, member: &str| json["signin"]["passkeys"][number][member].clone();
    assert_eq!([of(0, "model"), of(0, "kind")], [json!(MODEL_TEXT), json!("attested_passkey")]);
    assert_eq!([of(1, "model"), of(2, "model")], [json!(MODEL_TEXT), json!(null)]);
});

#[tokio::test]
async fn roots_that_cannot_be_read_stop_the_program() {
    let world = World::on_sqlite().await;
    let missing = world.database.directory.join("nothing.pem");
    let empty = world.database.directory.join("empty.pem");
    std::fs::write(&empty, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for file in [missing, empty, "keys-dev/id-token-es256.pem".into()] {
        let opened = world.open_with(|config| {
            config.passkey.attestation = AttestationPolicy::Required;
            config.passkey.attestation_roots = vec![file];
        });
        assert!(opened.await.is_err_and(|error| error.starts_with("passkey.attestation_roots: ")));
    }
}
