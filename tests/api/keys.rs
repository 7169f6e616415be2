//! Signing keys: made by the program, published before they sign, revoked within a second. RL18.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use nutzerkonto::app::App;
use nutzerkonto::config::{Config, SecretSource};
use nutzerkonto::kernel::key_times::{KeyTimes, State};
use nutzerkonto::kernel::keys::{Purpose, verify_signature};
use nutzerkonto::kernel::time::{Timestamp, hours, minutes};
use nutzerkonto::keys::rotate::{revoke, rotate};
use nutzerkonto::store::db::Db;
use serde_json::Value;

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::database::Database;
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, Service, World};

/// Renate has an account and is connected with the service.
async fn connected(world: &World) -> Service {
    let [parken, _] = two_services(world).await;
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    parken.code(&mut renate, &[]).await;
    parken
}

struct Tokens {
    id: String,
    access: String,
    browser: Browser,
}

/// Renate signs in to the service anew.
async fn tokens(mut browser: Browser, service: &Service) -> Tokens {
    assert_eq!(browser.sign_in(EMAIL, PASSWORD).await.status, 303);
    let code = service.code(&mut browser, &[]).await;
    let tokens = service.redeem_at(&browser, &code, &[]).await.json();
    let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
    Tokens { id: text("id_token"), access: text("access_token"), browser }
}

fn key_id(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

async fn published(browser: &Browser) -> Vec<String> {
    let set = browser.without_cookies().get("/oauth2/jwks").await.json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn userinfo(browser: &Browser, access: &str) -> u16 {
    let mut anybody = browser.without_cookies();
    let request = anybody.request(reqwest::Method::GET, "/oauth2/userinfo");
    anybody.send(request.header("authorization", format!("Bearer {access}"))).await.status
}

/// Repeats a question until the answer is yes, for so long.
async fn within(limit: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(limit, asked).await.is_ok(), "not within {limit:?}: {what}");
}

/// A second is what is promised; a machine that runs all tests at once may take another.
const SOON: Duration = Duration::from_secs(2);
/// Every node has looked at the clock.
const NOTICED: Duration = Duration::from_millis(1500);

/// The key that signs for a purpose.
fn signing(app: &App, purpose: Purpose) -> String {
    let list = app.keys.list();
    let signs = |(times, state): &&(KeyTimes, State)| times.purpose == purpose && *state == State::Signs;
    list.iter().find(signs).unwrap().0.key_id.clone()
}

both!(sec_h01_h02_a_new_key_is_published_an_hour_before_it_signs_and_the_old_one_a_day_longer, async |world| {
    let parken = connected(&world).await;
    let node = world.second_node().await;
    let other = world.browser().at(node.running.address);
    let before = published(&other).await;
    let operator = world.open_with(|_| {}).await.unwrap();
    let new: Vec<_> = rotate(&operator, &Purpose::ALL).await.unwrap().into_iter().map(|times| times.key_id).collect();
    assert_eq!(new.len(), 6);
    for browser in [&world.browser(), &other] {
        within(SOON, "published", async || published(browser).await.len() == before.len() + 4).await;
    }
    let keys = world.browser().get("/oauth2/jwks").await;
    assert_eq!(keys.header("cache-control"), "public, max-age=900");
    assert!(
        !keys.body.contains(&new[4]) && !keys.body.contains(&new[5]),
        "keys of audit and receipts are not published there"
    );
    world.pass(minutes(59));
    tokio::time::sleep(NOTICED).await;
    let old = tokens(world.browser(), &parken).await;
    assert!(before.contains(&key_id(&old.id)) && before.contains(&key_id(&old.access)), "not yet");
    world.pass(minutes(1));
    tokio::time::sleep(NOTICED).await;
    for browser in [&world.browser(), &other] {
        let fresh = tokens(browser.clone(), &parken).await;
        assert_eq!([key_id(&fresh.id), key_id(&fresh.access)], [new[0].clone(), new[3].clone()], "from now on");
        assert_eq!(userinfo(browser, &old.access).await, 200, "what the old key signed is good");
    }
    let mut renate = old.browser;
    let hint = format!("/oauth2/logout?id_token_hint={}", old.id);
    world.pass(hours(24) - minutes(1));
    tokio::time::sleep(NOTICED).await;
    assert_eq!(published(&other).await.len(), before.len() + 4);
    assert_eq!(renate.get(&hint).await.status, 303, "nobody is signed in any more, the hint is understood");
    world.pass(minutes(1));
    tokio::time::sleep(NOTICED).await;
    assert_eq!(published(&other).await.len(), before.len(), "the old keys are gone");
    let old_target = format!("{hint}&post_logout_redirect_uri=https://parken.example/");
    assert!(renate.get(&old_target).await.body.contains("invalid_request"), "the hint counts as absent");
    let asked = renate.get(&parken.request(&[("id_token_hint", &old.id), ("prompt", "none")])).await;
    assert_eq!(asked.parameter("error").as_deref(), Some("login_required"));
    node.running.abort().await;
});

both!(a_revoked_key_is_out_on_every_node_at_once, async |world| {
    let parken = connected(&world).await;
    let node = world.second_node().await;
    let nodes = [world.browser(), world.browser().at(node.running.address)];
    let old = tokens(world.browser(), &parken).await;
    let operator = world.open_with(|_| {}).await.unwrap();
    for purpose in [Purpose::AccessToken, Purpose::IdToken] {
        let leaked = signing(&operator, purpose);
        let replacement = revoke(&operator, &leaked).await.unwrap().unwrap();
        for browser in &nodes {
            within(SOON, "not published", async || !published(browser).await.contains(&leaked)).await;
            assert!(published(browser).await.contains(&replacement.key_id));
            let fresh = tokens(browser.clone(), &parken).await;
            let signed = if purpose == Purpose::IdToken { &fresh.id } else { &fresh.access };
            assert_eq!(key_id(signed), replacement.key_id);
            assert_eq!((userinfo(browser, &old.access).await, userinfo(browser, &fresh.access).await), (401, 200));
        }
        assert!(revoke(&operator, &leaked).await.is_err(), "once");
    }
    let mut renate = old.browser;
    let page = renate.get(&format!("/oauth2/logout?id_token_hint={}", old.id)).await;
    assert_eq!(page.status, 200, "who shows what a revoked key signed is asked");
    let next = &rotate(&operator, &[Purpose::AccessToken]).await.unwrap()[0];
    assert_eq!(revoke(&operator, &next.key_id).await.unwrap(), None, "what does not sign yet needs no replacement");
    assert!(revoke(&operator, "gibt-es-nicht").await.is_err());
    let kinds = world.texts("SELECT kind FROM audit_event WHERE kind LIKE 'keys.%' ORDER BY kind").await;
    assert_eq!(kinds, ["keys.revoked", "keys.revoked", "keys.revoked", "keys.rotated"]);
    node.running.abort().await;
});

both!(the_audit_trail_outlives_its_keys, async |world| {
    connected(&world).await;
    let head = nutzerkonto::audit::head::sign(&world.app).await.unwrap();
    let first = signing(&world.app, Purpose::Audit);
    rotate(&world.app, &[Purpose::Audit]).await.unwrap();
    world.pass(hours(24 * 400));
    revoke(&world.app, &first).await.unwrap();
    let second = signing(&world.app, Purpose::Audit);
    revoke(&world.app, &second).await.unwrap();
    assert_ne!(key_id(&nutzerkonto::audit::head::sign(&world.app).await.unwrap()), second);
    let mut tx = world.app.read().await.unwrap();
    let keys = world.app.keys.current();
    let issuer = &world.config.issuer;
    let report = nutzerkonto::audit::verify::verify(&mut tx, &keys, issuer, &[head], world.app.now()).await.unwrap();
    assert!(report.is_sound() && report.heads >= 3, "{report:?}");
});

/// A service that keeps our key set for as long as it may, and not longer.
struct Keeper {
    set: JwkSet,
    fetched_at: Timestamp,
}

impl Keeper {
    async fn fetch(world: &World) -> Self {
        let fetched_at = world.app.now();
        let set = serde_json::from_value(world.browser().get("/oauth2/jwks").await.json()).unwrap();
        Self { set, fetched_at }
    }

    fn verifies(&self, token: &str) -> bool {
        let header = jsonwebtoken::decode_header(token).unwrap();
        let key = header.kid.as_deref().and_then(|kid| self.set.find(kid));
        key.is_some_and(|key| {
            verify_signature::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), header.alg).is_some()
        })
    }
}

/// People sign in on both nodes without a pause; what one gives the other believes, and so does the service.
async fn sign_in_without_end(
    world: &World,
    parken: &Service,
    (here, there): (Browser, Browser),
    (gate, keeper): (&tokio::sync::RwLock<()>, &Mutex<Keeper>),
    (is_over, flows): (&AtomicBool, &AtomicU64),
) {
    let mut renate = here.clone();
    assert_eq!(renate.sign_in(EMAIL, PASSWORD).await.status, 303);
    while !is_over.load(Ordering::SeqCst) {
        // The clock jumps by more than a code lives: not while one is under way.
        let under_way = gate.read().await;
        let code = parken.code(&mut renate, &[]).await;
        let tokens = parken.redeem_at(&here, &code, &[]).await.json();
        drop(under_way);
        assert!(keeper.lock().unwrap().verifies(tokens["id_token"].as_str().unwrap()), "at {:?}", world.app.now());
        assert_eq!(userinfo(&there, tokens["access_token"].as_str().unwrap()).await, 200, "at {:?}", world.app.now());
        flows.fetch_add(1, Ordering::SeqCst);
    }
}

both!(rl18_sec_h01_h02_keys_rotate_under_load_and_no_verification_fails, async |world| {
    let parken = connected(&world).await;
    let node = world.second_node().await;
    let [one, two] = [world.browser(), world.browser().at(node.running.address)];
    let operator = world.open_with(|_| {}).await.unwrap();
    let (gate, is_over) = (tokio::sync::RwLock::new(()), AtomicBool::new(false));
    let (keeper, flows) = (Mutex::new(Keeper::fetch(&world).await), [AtomicU64::new(0), AtomicU64::new(0)]);
    let load = async |here: &Browser, there: &Browser, flows: &AtomicU64| {
        let browsers = (here.clone(), there.clone());
        sign_in_without_end(&world, &parken, browsers, (&gate, &keeper), (&is_over, flows)).await;
    };
    let time = async {
        let mut signed = std::collections::BTreeSet::new();
        for step in 0..64 {
            if step % 20 == 0 {
                rotate(&operator, &Purpose::ALL).await.unwrap();
            }
            let stop = gate.write().await;
            world.pass(minutes(4));
            drop(stop);
            if world.app.now() >= keeper.lock().unwrap().fetched_at.plus(minutes(15)) {
                let fetched = Keeper::fetch(&world).await;
                *keeper.lock().unwrap() = fetched;
            }
            // Every token is looked at before it is five minutes old.
            let seen = [0, 1].map(|node: usize| flows[node].load(Ordering::SeqCst));
            let done = async || [0, 1].iter().all(|node| flows[*node].load(Ordering::SeqCst) > seen[*node] + 1);
            within(Duration::from_secs(20), "sign-ins go on", done).await;
            signed.insert(signing(&world.app, Purpose::IdToken));
        }
        is_over.store(true, Ordering::SeqCst);
        signed.len()
    };
    let (_, _, signed) = tokio::join!(load(&one, &two, &flows[0]), load(&two, &one, &flows[1]), time);
    assert_eq!(signed, 4, "the keys did change");
    node.running.abort().await;
});

/// A master key that nobody else has, in a file beside the first one.
pub fn own_master_key(config: &Config, byte: u8) -> SecretSource {
    let directory = std::path::Path::new(config.keys.master_key.0.trim_start_matches("file:")).parent().unwrap();
    let path = directory.join(format!("master-{byte}.key"));
    std::fs::write(&path, STANDARD.encode([byte; 32])).unwrap();
    SecretSource(format!("file:{}", path.display()))
}

both!(several_nodes_that_start_at_once_make_one_set_of_keys, async |world| {
    let empty = match world.config.database.url.starts_with("sqlite:") {
        true => Database::sqlite(),
        false => Database::postgres().await.unwrap(),
    };
    Db::open(&empty.url, 2).await.unwrap().close().await;
    let start = async || {
        let change = |config: &mut Config| {
            config.database.url.clone_from(&empty.url);
            config.keys.master_key = own_master_key(config, 1);
        };
        world.open_with(change).await.unwrap()
    };
    let (one, two, three) = tokio::join!(start(), start(), start());
    assert_eq!(one.keys.list().len(), 6);
    let made = world.app.keys.list();
    assert!(one.keys.list().iter().all(|key| !made.contains(key)), "their own, not those of keys-dev");
    for other in [two, three] {
        assert_eq!(one.keys.list(), other.keys.list());
        assert_eq!(one.keys.current().jwk_set(), other.keys.current().jwk_set());
    }
});
