//! People who are away: what they may say, who learns of it, and what they are told when they are back.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::mail::Mail;
use nutzerkonto::kernel::time::{Timestamp, hours, minutes};
use nutzerkonto::organisation::acting::Party;
use nutzerkonto::postbox::{due, returned};
use nutzerkonto::store::retention;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::both;
use crate::personal_data::{asks, fetch, file};
use crate::postbox::renate;
use crate::postbox_due::{of_mails, takes_no_mail};
use crate::support::browser::{Answer, PASSWORD};
use crate::support::organisation::{Firm, NADINE};
use crate::support::postbox::{decision, information, organisation};
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, World};

const PAGE: &str = "/profil/abwesenheit";
const EMRE: &str = "emre@example.org";
const KURT: &str = "kurt@example.org";
const NEW: &str = "Neue Nachricht in Ihrem Nutzerkonto";
const REMINDER: &str = "Erinnerung: Nachricht in Ihrem Nutzerkonto";
const WHY: &str = "weil Sie die Organisation verwalten und alle, die diese Post lesen, als abwesend gemeldet sind";

impl Browser {
    /// Says from which day to which they are away; days as `14.12.2026`.
    async fn is_away(&mut self, first: &str, last: &str) -> Answer {
        self.get(PAGE).await;
        let part = |day: &str, place| day.split('.').nth(place).unwrap_or_default().to_owned();
        let names = [("von_tag", "von_monat", "von_jahr"), ("bis_tag", "bis_monat", "bis_jahr")];
        let mut form = vec![("aktion", "speichern".to_owned())];
        for ((day, month, year), typed) in names.into_iter().zip([first, last]) {
            form.extend([(day, part(typed, 0)), (month, part(typed, 1)), (year, part(typed, 2))]);
        }
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post(PAGE, &form).await
    }

    /// They are back early.
    async fn is_back(&mut self) -> Answer {
        self.get(PAGE).await;
        self.post(PAGE, &[("aktion", "beenden")]).await
    }
}

impl World {
    /// Time passes until then.
    fn reaches(&self, instant: OffsetDateTime) {
        self.pass(self.app.now().until(Timestamp::from_seconds(instant.unix_timestamp())));
    }

    /// The mails with this subject that have come since this was asked last: to whom, and what they say.
    async fn new_mails(&self, subject: &str) -> Vec<(String, String)> {
        self.settle().await;
        let mut mails = self.mails.lock().unwrap();
        let (found, others): (Vec<Mail>, _) =
            std::mem::take(&mut *mails).into_iter().partition(|mail| mail.subject == subject);
        *mails = others;
        let mut found: Vec<_> = found.into_iter().map(|mail| (mail.to, mail.body)).collect();
        found.sort();
        found
    }

    /// The same after the job has looked twice.
    async fn told_when_back(&self) -> Vec<(String, String)> {
        returned::tend(&self.app).await.unwrap();
        returned::tend(&self.app).await.unwrap();
        self.new_mails(REMINDER).await
    }
}

fn addresses(mails: &[(String, String)]) -> Vec<&str> {
    mails.iter().map(|(to, _)| to.as_str()).collect()
}

both!(what_cannot_be_is_refused_at_its_field, async |world| {
    let mut renate = renate(&world).await;
    let (format, today) = ("Dieses Datum gibt es nicht", "23.11.2026");
    for (first, last, field, told) in [
        ("", "14.12.2026", "von_tag", format),
        ("31.11.2026", "14.12.2026", "von_tag", format),
        ("x.11.2026", "14.12.2026", "von_tag", format),
        (today, "", "bis_tag", format),
        (today, "30.2.2027", "bis_tag", format),
        ("2.12.2026", "1.12.2026", "bis_tag", "darf nicht vor dem ersten liegen"),
        ("1.11.2026", "22.11.2026", "bis_tag", "ist schon vorbei"),
        (today, "25.11.2027", "bis_tag", "höchstens 366 Tage von heute"),
    ] {
        let again = renate.is_away(first, last).await;
        assert!(again.status == 422 && again.body.contains(told), "{first} to {last}: {again:?}");
        assert!(again.body.contains(&format!("id=\"{field}-e\"")), "{first} to {last} at {field}");
        assert!(again.body.contains(&format!("value=\"{}\"", last.split('.').next().unwrap())), "what was typed stays");
    }
    let neither = renate.is_away("", "").await.body;
    assert!(neither.contains("id=\"von_tag-e\"") && neither.contains("id=\"bis_tag-e\""), "{neither}");
    for form in [&[][..], &[("aktion", "loeschen")]] {
        assert_eq!(renate.post(PAGE, form).await.status, 422);
    }
    assert_eq!((world.rows("absence").await, world.recorded("account.absence_set").await), (0, 0));
    for (first, last) in [(today, today), ("1.1.2026", "23.11.2026"), ("24.11.2027", "24.11.2027")] {
        assert_eq!(renate.is_away(first, last).await.status, 303, "{first} to {last}");
    }
    assert_eq!(world.rows("absence").await, 1, "one at a time");
});

both!(renate_says_when_she_is_away_changes_it_and_is_back, async |world| {
    let mut renate = renate(&world).await;
    for page in ["/profil", "/postfach"] {
        assert!(renate.get(page).await.body.contains(&format!("href=\"{PAGE}\"")), "{page}");
    }
    let page = renate.get(PAGE).await.body;
    for text in ["Fristen laufen weiter", "href=\"/vollmachten\"", "bis wann Sie weg sind"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("id=\"eingetragen\"") && !page.contains("id=\"beenden\""));
    let saved = renate.is_away("1.12.2026", "14.12.2026").await;
    let page = renate.follow(saved).await.body;
    let stands = "Eingetragen ist: 1. Dezember 2026 bis 14. Dezember 2026";
    assert!(page.contains("ist gespeichert") && page.contains(stands), "{page}");
    // The same once more is no change.
    for last in ["14.12.2026", "15.12.2026", "14.12.2026"] {
        assert_eq!(renate.is_away("1.12.2026", last).await.status, 303);
    }
    let recorded =
        async || [world.recorded("account.absence_set").await, world.recorded("account.absence_changed").await];
    assert_eq!(recorded().await, [1, 2]);
    // Nobody else sees it, or ends it.
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    assert!(!mallory.get(PAGE).await.body.contains("id=\"eingetragen\""));
    assert_eq!(mallory.is_back().await.status, 303);
    assert_eq!(world.browser().get(PAGE).await.location(), "/anmelden");
    assert_eq!((world.rows("absence").await, world.recorded("account.absence_ended").await), (1, 0));
    let line = "Sie sind bis 14. Dezember 2026 als abwesend gemeldet.";
    for (instant, is_away) in [
        (datetime!(2026-11-30 23:59 +1), false),
        (datetime!(2026-12-01 00:01 +1), true),
        (datetime!(2026-12-14 23:59 +1), true),
        (datetime!(2026-12-15 00:01 +1), false),
    ] {
        world.reaches(instant);
        renate.sign_in(EMAIL, PASSWORD).await;
        assert_eq!(renate.get("/konto").await.body.contains(line), is_away, "{instant}");
        let stands = renate.get(PAGE).await.body.contains("id=\"eingetragen\"");
        assert_eq!(stands, instant < datetime!(2026-12-15 00:00 +1), "{instant}");
    }
    // What is over is not ended; the next one is another.
    renate.is_back().await;
    renate.is_away("16.12.2026", "20.12.2026").await;
    assert_eq!((recorded().await, world.recorded("account.absence_ended").await), ([2, 2], 0));
    let ended = renate.is_back().await;
    assert!(renate.follow(ended).await.body.contains("ist beendet"));
    assert_eq!((world.rows("absence").await, world.recorded("account.absence_ended").await), (0, 1));
    let protocol = renate.get("/daten/protokoll?art=aenderungen").await.body;
    for text in ["Abwesenheit eingetragen", "Abwesenheit geändert", "Abwesenheit beendet"] {
        assert!(protocol.contains(text), "{text}");
    }
    renate.language = "en";
    assert!(renate.get("/daten/protokoll?art=aenderungen").await.body.contains("Absence ended"));
});

/// A bakery with Nadine in charge, Emre who reads, and Kurt who administrates and reads nothing.
async fn three_of_a_bakery(world: &World) -> (Firm, [Browser; 2]) {
    two_services(world).await;
    let (nadine, firm) = world.bakery().await;
    let (emre, _) = world.somebody(EMRE, ["Emre", "Kaya"], Level::Basic).await;
    world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    world.joins(&firm, EMRE, &["read_mail:"]).await;
    world.joins(&firm, KURT, &["administration:"]).await;
    (firm, [nadine, emre])
}

both!(where_all_readers_are_away_administrators_are_told, async |world| {
    let (firm, [mut nadine, mut emre]) = three_of_a_bakery(&world).await;
    let provides = async || {
        let id = world.provides("parken", &decision(organisation(&firm.id))).await;
        (id, world.new_mails(NEW).await)
    };
    assert_eq!(addresses(&provides().await.1), [EMRE, NADINE]);
    nadine.is_away("23.11.2026", "26.11.2026").await;
    let (_, mails) = provides().await;
    assert_eq!(addresses(&mails), [EMRE, NADINE], "one reader is there");
    assert!(mails.iter().all(|(_, body)| !body.contains(WHY)));
    emre.is_away("23.11.2026", "27.11.2026").await;
    let (id, mails) = provides().await;
    assert_eq!(addresses(&mails), [EMRE, KURT, NADINE], "each once");
    let explained: Vec<_> = mails.iter().filter(|(_, body)| body.contains(WHY)).map(|(to, _)| to.as_str()).collect();
    assert_eq!(explained, [KURT], "{mails:?}");
    assert!(
        mails[1].1.contains("Im Postfach von Bäckerei Weber liegt") && mails[1].1.contains("/echt"),
        "{}",
        mails[1].1
    );
    // The same people are reminded; the next day Nadine is back.
    world.change(&format!("UPDATE postbox_message SET look_at = NULL WHERE id <> '{id}'")).await;
    world.reaches(datetime!(2026-11-26 09:00 +1));
    due::tend(&world.app).await.unwrap();
    let mails = world.new_mails(REMINDER).await;
    assert_eq!(addresses(&mails), [EMRE, KURT, NADINE]);
    assert!(mails[1].1.contains(WHY) && !mails[0].1.contains(WHY), "{mails:?}");
    world.reaches(datetime!(2026-11-27 00:01 +1));
    assert_eq!(addresses(&provides().await.1), [EMRE, NADINE], "Nadine is back since midnight");
    // For persons it makes no difference.
    world.provides("parken", &decision(Party::Person(world.account(EMRE).await))).await;
    assert_eq!(addresses(&world.new_mails(NEW).await), [EMRE]);
});

both!(a_mail_to_an_administrator_tells_the_organisation_nothing, async |world| {
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    // Somebody who is not known well enough administrates nothing yet.
    world.somebody(EMRE, ["Emre", "Kaya"], Level::Low).await;
    for email in [KURT, EMRE] {
        world.joins(&firm, email, &["administration:"]).await;
    }
    nadine.is_away("23.11.2026", "26.11.2026").await;
    takes_no_mail(&world, &firm.founder).await;
    let id = world.provides("parken", &decision(organisation(&firm.id))).await;
    let mail = world.mail_about(KURT, NEW).await;
    assert!(mail.body.contains(WHY), "{}", mail.body);
    assert_eq!(of_mails(&world, &id).await, ["notification_failed"]);
    assert!(!world.mails.lock().unwrap().iter().any(|mail| mail.to == EMRE && mail.subject == NEW));
    assert_eq!(world.of_notice(&id, "notified_at").await, "", "days may hang on it");
});

both!(whoever_is_back_is_told_once_what_they_have_not_opened, async |world| {
    let mut renate = renate(&world).await;
    renate.is_away("24.11.2026", "30.11.2026").await;
    for _ in 0..2 {
        world.provides("parken", &information(world.person(EMAIL).await, "Öffnungszeiten")).await;
    }
    for instant in [datetime!(2026-11-30 23:59 +1), datetime!(2026-12-01 00:01 +1), datetime!(2026-12-01 07:59 +1)] {
        world.reaches(instant);
        assert!(world.told_when_back().await.is_empty(), "{instant}");
    }
    world.pass(minutes(1));
    let other = world.open_with(|_| {}).await.unwrap();
    let (one, two) = tokio::join!(returned::tend(&world.app), returned::tend(&other));
    one.and(two).unwrap();
    let mails = world.told_when_back().await;
    assert_eq!(addresses(&mails), [EMAIL], "once: {mails:?}");
    let body = &mails[0].1;
    let said = "In Ihrem Postfach liegen Nachrichten, die Sie noch nicht geöffnet haben.";
    assert!(body.contains(said) && !body.contains("Öffnungszeiten") && !body.contains("Musterhausen – "), "{body}");
    let code = body.split_whitespace().find(|word| word.len() == 9 && word.contains('-')).unwrap().to_owned();
    renate.get("/echt").await;
    let checked = renate.post("/echt", &[("code", code.trim_end_matches('.'))]).await.body;
    assert!(checked.contains("Erinnerung an eine Nachricht im Postfach"), "{checked}");
    world.pass(hours(24));
    assert!(world.told_when_back().await.is_empty());
    // The row is kept for thirty days.
    for (instant, rows) in [(datetime!(2026-12-30 23:59 +1), 1), (datetime!(2026-12-31 00:01 +1), 0)] {
        world.reaches(instant);
        retention::run(&world.app.db, world.app.now()).await.unwrap();
        assert_eq!(world.rows("absence").await, rows, "{instant}");
    }
});

both!(nobody_is_told_without_need, async |world| {
    let mut renate = renate(&world).await;
    let id = world.provides("parken", &information(world.person(EMAIL).await, "Öffnungszeiten")).await;
    // Back early.
    renate.is_away("23.11.2026", "24.11.2026").await;
    renate.is_back().await;
    world.reaches(datetime!(2026-11-25 09:00 +1));
    assert!(world.told_when_back().await.is_empty());
    // Nothing has run: at night it waits for the morning, and then nothing is unopened.
    renate.sign_in(EMAIL, PASSWORD).await;
    renate.is_away("25.11.2026", "26.11.2026").await;
    world.reaches(datetime!(2026-11-27 22:00 +1));
    assert!(world.told_when_back().await.is_empty());
    renate.sign_in(EMAIL, PASSWORD).await;
    renate.does_with(&id, "oeffnen").await;
    world.reaches(datetime!(2026-11-28 09:00 +1));
    assert!(world.told_when_back().await.is_empty());
    let looked = "SELECT account_id FROM absence WHERE look_at IS NULL";
    assert_eq!(world.texts(looked).await.len(), 1, "looked at, and done with");
});

both!(whoever_manages_members_sees_who_is_away, async |world| {
    two_services(&world).await;
    let (mut nadine, firm) = world.bakery().await;
    let area = firm.adds_area(&mut nadine, "Bau").await;
    let (mut emre, _) = world.somebody(EMRE, ["Emre", "Kaya"], Level::Basic).await;
    let (mut kurt, _) = world.somebody(KURT, ["Kurt", "Koch"], Level::Substantial).await;
    let emres = world.joins(&firm, EMRE, &[&format!("read_mail:{area}")]).await;
    world.joins(&firm, KURT, &["audit:"]).await;
    let pages = ["mitglieder".to_owned(), format!("mitglieder/{emres}"), format!("bereiche/{area}")];
    let shown = async |browser: &mut Browser| {
        let mut shown = Vec::new();
        for page in &pages {
            shown.push(browser.get(&firm.path(page)).await.body.contains("abwesend bis 14. Dezember 2026"));
        }
        shown
    };
    emre.is_away("24.11.2026", "14.12.2026").await;
    assert_eq!(shown(&mut nadine).await, [false; 3], "not yet");
    emre.is_away("23.11.2026", "14.12.2026").await;
    assert_eq!(shown(&mut nadine).await, [true; 3]);
    let list = nadine.get(&firm.path(&pages[2])).await.body;
    assert!(list.contains("Emre Kaya") && list.contains("Nadine Weber") && !list.contains("Kurt Koch"), "{list}");
    // Whoever audits reads who belongs to it, and manages nobody; whoever reads post sees no list at all.
    assert_eq!(kurt.get(&firm.path(&pages[0])).await.status, 200);
    assert_eq!(shown(&mut kurt).await, [false; 3]);
    assert_eq!((emre.get(&firm.path(&pages[0])).await.status, shown(&mut emre).await), (403, vec![false; 3]));
    emre.is_back().await;
    assert_eq!(shown(&mut nadine).await, [false; 3]);
});

both!(an_absence_is_in_the_copy_and_goes_with_the_account, async |world| {
    let mut renate = renate(&world).await;
    let copied = async |renate: &mut Browser| {
        let key = asks(renate).await;
        let archive = fetch(renate, &key).await.1;
        serde_json::from_str::<serde_json::Value>(&file(&archive, "konto.json")).unwrap()["absence"].clone()
    };
    assert_eq!(copied(&mut renate).await, serde_json::Value::Null);
    renate.is_away("1.12.2026", "14.12.2026").await;
    let days = serde_json::json!({ "first_on": "2026-12-01", "last_on": "2026-12-14" });
    assert_eq!(copied(&mut renate).await, days);
    renate.get("/daten/loeschen").await;
    let left = renate.post("/daten/loeschen", &[("wann", "sofort"), ("current", PASSWORD)]).await;
    assert!(left.status < 400, "{left:?}");
    assert_eq!(world.rows("absence").await, 0);
});
