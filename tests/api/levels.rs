//! Levels that are true: what a sign-in is worth, what is left of it, and what happens where more is needed. Rows R01 to R07.

use std::time::Duration;

use nutzerkonto::account::Source;
use nutzerkonto::account::evidence::{self, Record};
use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::signin::means;
use nutzerkonto::sql;
use nutzerkonto::store::work::Actor;
use serde_json::{Value, json};

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::passkey::{Challenge, Key};
use crate::support::service::{claims, vorgang};
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

const LOW: &str = "http://eidas.europa.eu/LoA/low";
const SUBSTANTIAL: &str = "http://eidas.europa.eu/LoA/substantial";
const BASIC: &str = "http://bsi.bund.de/eID/LoA/undefined";

/// A service, a person, and how well it is known who she is.
struct Stage {
    world: World,
    parken: Service,
    renate: Browser,
    account: AccountId,
}

impl Stage {
    async fn new(world: World, extra: &str) -> Self {
        let parken = Service::new("parken");
        world.clients(&parken.offline_declaration(extra)).await;
        let mut renate = world.browser();
        renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
        let account = AccountId::parse(&world.texts("SELECT id FROM account").await[0]).unwrap();
        Self { world, parken, renate, account }
    }

    /// Evidence as an office records it.
    async fn prove(&self, level: Level) {
        let mut work = self.world.app.begin(Actor::System("test")).await.unwrap();
        evidence::lower_identity(&mut work, &self.account, level).await.unwrap();
        evidence::prove(
            &mut work,
            &self.world.app.vault,
            &self.account,
            (level, Source::RegistrationDesk),
            Record::default(),
        )
        .await
        .unwrap();
        work.commit().await.unwrap();
    }

    /// As if she had just signed in with a means of that level.
    async fn is_as_strong_as(&self, level: Level) {
        let mut work = self.world.app.begin(Actor::System("test")).await.unwrap();
        work.touched.push(self.account.clone());
        let (tx, now) = (&mut work.tx, self.world.app.now());
        sql!(tx, execute, "UPDATE session SET level = $1, authenticated_at = $2, last_seen_at = $2", level, now)
            .unwrap();
        work.commit().await.unwrap();
    }

    async fn tokens(&mut self, changes: &[(&'static str, &str)]) -> Value {
        let code = self.parken.code(&mut self.renate, changes).await;
        self.parken.redeem(&self.world, &code).await.json()
    }

    async fn acr(&mut self) -> String {
        acr(&self.tokens(&[]).await)
    }

    async fn asks(&mut self, changes: &[(&'static str, &str)]) -> Answer {
        self.renate.visit(&self.parken.request(changes)).await
    }
}

fn acr(tokens: &Value) -> String {
    claims(tokens["id_token"].as_str().unwrap())["acr"].as_str().unwrap().to_owned()
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

both!(sec_r07_the_lower_of_identity_and_sign_in_counts, async |world| {
    let mut stage = Stage::new(world, "").await;
    assert_eq!(stage.acr().await, BASIC, "nobody knows who she is");
    stage.prove(Level::High).await;
    assert_eq!(stage.acr().await, LOW, "a password proves no more");
    stage.is_as_strong_as(Level::Substantial).await;
    assert_eq!(stage.acr().await, SUBSTANTIAL);
    stage.prove(Level::Low).await;
    assert_eq!(stage.acr().await, LOW, "and not more than is known");
    let page = stage.renate.get("/identitaet").await;
    assert!(page.body.contains("Gerade angemeldet: niedrig"), "{}", page.body);
    assert!(page.body.contains("in einem Bürgerbüro geprüft"), "{}", page.body);
});

both!(a_level_steps_down_and_does_not_come_back, async |world| {
    let mut stage = Stage::new(world, "").await;
    stage.prove(Level::High).await;
    stage.is_as_strong_as(Level::High).await;
    stage.tokens(&[]).await;
    stage.world.pass(minutes(4));
    stage.renate.get("/konto").await;
    stage.world.pass(minutes(4));
    assert_eq!(stage.acr().await, "http://eidas.europa.eu/LoA/high", "eight minutes with a click between");
    stage.world.pass(minutes(6));
    assert_eq!(stage.acr().await, SUBSTANTIAL, "six minutes without one");
    stage.renate.get("/konto").await;
    assert_eq!(stage.acr().await, SUBSTANTIAL, "a click brings nothing back");
    stage.world.pass(minutes(31));
    assert_eq!(stage.acr().await, LOW);
    stage.world.pass(minutes(59));
    assert_eq!(stage.renate.get("/konto").await.status, 200);
    stage.world.pass(minutes(61));
    assert_eq!(stage.renate.get("/konto").await.status, 303, "and then it ends");
});

both!(no_token_outlives_the_level_that_it_states, async |world| {
    let mut stage = Stage::new(world, "").await;
    stage.prove(Level::Substantial).await;
    stage.is_as_strong_as(Level::Substantial).await;
    let since = stage.world.app.now().seconds();
    for _ in 0..7 {
        stage.world.pass(minutes(17));
        stage.renate.get("/konto").await;
    }
    let tokens = stage.tokens(&[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    let access = claims(tokens["access_token"].as_str().unwrap());
    assert_eq!((acr(&tokens), access["acr"].as_str()), (SUBSTANTIAL.to_owned(), Some(SUBSTANTIAL)));
    let until = since + 2 * 60 * 60;
    assert_eq!((access["exp"].as_i64(), access["auth_time"].as_i64()), (Some(until), Some(since)));
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["exp"].as_i64(), Some(until));
    assert_eq!(tokens["expires_in"].as_i64(), Some(60));
    let token = tokens["access_token"].as_str().unwrap();
    let told = stage.parken.ask(&stage.world, "/oauth2/introspect", &[("token", token)]).await.json();
    assert_eq!((&told["acr"], &told["auth_time"]), (&json!(SUBSTANTIAL), &json!(since)), "RFC 9470 section 6.2");
    stage.world.pass(minutes(2));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let next = stage.parken.refresh(&stage.world, refresh).await.json();
    assert_eq!((acr(&next).as_str(), next["expires_in"].as_i64()), (LOW, Some(300)));
    stage.world.pass(minutes(11 * 60));
    let next = stage.parken.refresh(&stage.world, refresh).await.json();
    assert_eq!(acr(&next), BASIC, "of yesterday's sign-in nothing is left");
});

both!(sec_r01_r03_what_a_service_needs_is_shown_with_the_ways_there, async |world| {
    let need = "level = \"substantial\"\nlevel_reason = { de = \"Steuergeheimnis\", en = \"Tax secrecy\" }";
    let mut stage = Stage::new(world, need).await;
    let page = stage.asks(&[]).await;
    assert!(page.body.contains("id=\"kein-weg\"") && page.body.contains("noch nicht auf dem Niveau"), "{}", page.body);
    stage.prove(Level::Substantial).await;
    let page = stage.asks(&[("acr_values", "basic")]).await;
    assert_eq!(page.heading(), "Für diesen Dienst brauchen Sie das Vertrauensniveau substanziell");
    assert!(page.body.contains("Steuergeheimnis") && page.body.contains("id=\"passkey-einrichten\""), "{}", page.body);
    assert!(!page.body.contains("id=\"ohne-weiter\""), "what is needed cannot be declined: {}", page.body);
    let flow = format!("?vorgang={}", vorgang(&page));
    let around = stage.renate.post(&format!("/anmelden/niveau/ohne{flow}"), &[]).await;
    assert_eq!(stage.renate.follow(around).await.heading(), page.heading());
    let consent = stage.renate.get(&format!("/einwilligung{flow}")).await;
    let sent = stage.renate.post(&format!("/einwilligung{flow}"), &[("antwort", "ja")]).await;
    assert_eq!(stage.renate.follow(sent).await.heading(), page.heading(), "consent is no way around: {consent:?}");
    let back = stage.renate.post(&format!("/abbrechen{flow}"), &[]).await;
    assert_eq!(back.parameter("error").as_deref(), Some("unmet_authentication_requirements"));
    let silent = stage.renate.get(&stage.parken.request(&[("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("interaction_required"));
    stage.is_as_strong_as(Level::Substantial).await;
    assert_eq!(stage.acr().await, SUBSTANTIAL);
});

both!(sec_r04_the_way_to_more_leads_back_to_the_service, async |world| {
    let need = "level = \"substantial\"\nlevel_reason = { de = \"Steuergeheimnis\", en = \"Tax secrecy\" }";
    let mut stage = Stage::new(world, need).await;
    stage.prove(Level::Substantial).await;
    let page = stage.asks(&[]).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    assert!(page.body.contains(&format!("href=\"/sicherheit/passkeys/neu{flow}\"")), "{}", page.body);
    let mut key = Key::new(&stage.world);
    let new = stage.renate.post(&format!("/sicherheit/passkeys/neu{flow}"), &[("current", PASSWORD)]).await;
    let challenge = Challenge::of(&new).unwrap();
    let made = [("aufgabe", challenge.ceremony.as_str()), ("antwort", &key.make(&challenge.options).to_string())];
    let fields = [&made[..], &[("name", "Mein Handy")]].concat();
    let tried = stage.renate.post(&format!("/sicherheit/passkeys/anlegen{flow}"), &fields).await;
    assert_eq!(tried.location(), format!("/sicherheit/passkeys/probieren{flow}"), "{}", tried.body);
    stage.world.pass(Duration::from_secs(7));
    stage.world.settle().await;
    let commits = stage.world.app.db.commits();
    let used = stage.renate.use_at(tried.location(), &mut key).await;
    assert!(stage.world.app.db.commits() - commits <= 2, "a try, a session");
    assert_eq!(used.location(), format!("/weiter{flow}"));
    let consent = stage.renate.visit(used.location()).await;
    let sent = stage.renate.post(&format!("/einwilligung?vorgang={}", vorgang(&consent)), &[("antwort", "ja")]).await;
    let code = stage.renate.follow(sent).await.parameter("code").unwrap();
    let id = claims(stage.parken.redeem(&stage.world, &code).await.json()["id_token"].as_str().unwrap());
    assert_eq!((&id["acr"], &id["amr"]), (&json!(SUBSTANTIAL), &json!(["hwk", "user", "mfa"])));
    assert_eq!(id["auth_time"].as_i64(), Some(stage.world.app.now().seconds()));

    let mut elsewhere = stage.world.browser();
    elsewhere.sign_in(EMAIL, PASSWORD).await;
    let before = elsewhere.clone();
    let page = elsewhere.visit(&stage.parken.request(&[])).await;
    let flow = format!("?vorgang={}", vorgang(&page));
    assert!(page.body.contains(&format!("href=\"/anmelden/passkey{flow}\"")), "{}", page.body);
    let used = elsewhere.use_at(&format!("/anmelden/passkey{flow}"), &mut key).await;
    assert!(elsewhere.visit(used.location()).await.parameter("code").is_some());
    assert_eq!(before.clone().get("/konto").await.status, 303, "sec_r: the token of before is worth nothing now");
});

both!(sec_r02_a_level_that_a_service_only_wishes_for_can_be_left_out, async |world| {
    let mut stage = Stage::new(world, "").await;
    let wish = ("acr_values", "http://eidas.europa.eu/LoA/high http://eidas.europa.eu/LoA/substantial x");
    stage.tokens(&[]).await;
    assert!(stage.asks(&[wish]).await.parameter("code").is_some(), "out of reach: not even asked");
    stage.prove(Level::Substantial).await;
    let page = stage.asks(&[wish]).await;
    assert_eq!(page.heading(), "Dieser Dienst empfiehlt das Vertrauensniveau substanziell");
    let silent = stage.renate.get(&stage.parken.request(&[wish, ("prompt", "none")])).await;
    assert!(silent.parameter("code").is_some(), "prompt=none goes on: {silent:?}");
    let flow = format!("?vorgang={}", vorgang(&page));
    let mut other = stage.world.browser();
    other.visit(&stage.parken.request(&[])).await;
    assert_eq!(other.post(&format!("/anmelden/niveau/ohne{flow}"), &[]).await.status, 410, "another browser's");
    let on = stage.renate.post(&format!("/anmelden/niveau/ohne{flow}"), &[]).await;
    let code = stage.renate.follow(on).await.parameter("code").unwrap();
    assert_eq!(acr(&stage.parken.redeem(&stage.world, &code).await.json()), LOW, "the truth");
    stage.is_as_strong_as(Level::Substantial).await;
    assert_eq!(acr(&stage.tokens(&[wish]).await), SUBSTANTIAL);
});

both!(sec_r05_another_sign_in_counts_for_itself, async |world| {
    let mut stage = Stage::new(world, "").await;
    stage.prove(Level::Substantial).await;
    stage.is_as_strong_as(Level::Substantial).await;
    stage.world.pass(Duration::from_secs(1));
    let page = stage.asks(&[("prompt", "login")]).await;
    let form = [("email", EMAIL), ("password", PASSWORD)];
    let answer = stage.renate.post(&format!("/anmelden?vorgang={}", vorgang(&page)), &form).await;
    let answer = stage.renate.follow(answer).await;
    let sent = stage.renate.post(&format!("/einwilligung?vorgang={}", vorgang(&answer)), &[("antwort", "ja")]).await;
    let code = stage.renate.follow(sent).await.parameter("code").unwrap();
    let tokens = stage.parken.redeem(&stage.world, &code).await.json();
    assert_eq!(acr(&tokens), LOW, "a password is not made fresher or stronger by what was before");
});

both!(no_attribute_stays_above_the_strongest_means, async |world| {
    let mut stage = Stage::new(world, "").await;
    stage.prove(Level::Substantial).await;
    stage.is_as_strong_as(Level::Substantial).await;
    let tokens = stage.tokens(&[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    assert_eq!(acr(&tokens), SUBSTANTIAL);
    let mut work = stage.world.app.begin(Actor::Account(stage.account.clone())).await.unwrap();
    means::settle(&mut work, &stage.world.app.config, &stage.account).await.unwrap();
    work.commit().await.unwrap();
    let levels = stage.world.texts("SELECT DISTINCT level FROM attribute WHERE name LIKE '%name%'").await;
    assert_eq!(levels, ["low"], "BSI TR-03160-1: the password is the strongest");
    let refreshed = stage.parken.refresh(&stage.world, tokens["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(acr(&refreshed), LOW, "what was granted before does not keep it");
    assert_eq!(stage.acr().await, LOW, "nor does the session, which is as strong as before");
    let protocol = stage.renate.get("/daten/protokoll").await;
    assert!(protocol.body.contains("Nachweis der Identität zurückgestuft"), "{}", protocol.body);
});
