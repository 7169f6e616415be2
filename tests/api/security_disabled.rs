//! Attack rows D07, E11, F05, F08, K04: what ends somebody's access ends it on every path, on every node, within a second.
//! One table of what may have happened, one of the ways in; every pair is tried.

use std::time::Duration;

use nutzerkonto::kernel::id::AccountId;
use nutzerkonto::operator::{self, Inquiry};

use crate::both;
use crate::support::browser::PASSWORD;
use crate::support::doors::{OFFLINE, push, reference, text, tokens};
use crate::support::world::Node;
use crate::support::{Browser, Service, World};

/// What may have happened. Another row is a variant, its place in `ALL`, how it is done, and what it leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Nothing,
    AccountLocked,
    AccountClosing,
    ConsentWithdrawn,
    SessionEnded,
    SignedOutEverywhere,
    PasswordReset,
    ClientRemoved,
}

impl Event {
    /// The removed client comes last: it is removed for everybody.
    const ALL: [Self; 8] = [
        Self::Nothing,
        Self::AccountLocked,
        Self::AccountClosing,
        Self::ConsentWithdrawn,
        Self::SessionEnded,
        Self::SignedOutEverywhere,
        Self::PasswordReset,
        Self::ClientRemoved,
    ];

    /// The ways that stay open, because they are meant to.
    fn leaves_open(self) -> &'static [Way] {
        match self {
            Self::Nothing => &Way::ALL,
            // Offline access outlives the session that gave it.
            Self::SessionEnded => &[
                Way::Refresh,
                Way::RefreshOfApp,
                Way::OfflineUserinfo,
                Way::IntrospectionOfRefresh,
                Way::OfflineIntrospection,
                Way::LeaveForService,
            ],
            Self::ClientRemoved => &[],
            // Going back to a service that is registered opens nothing there.
            _ => &[Way::LeaveForService],
        }
    }
}

/// The ways to somebody's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Authorize,
    AuthorizeSilently,
    AuthorizeWithHint,
    AuthorizePushed,
    RedeemCode,
    RedeemOfflineCode,
    Refresh,
    RefreshOfApp,
    Userinfo,
    OfflineUserinfo,
    Introspection,
    OfflineIntrospection,
    IntrospectionOfRefresh,
    LeaveForService,
}

impl Way {
    const ALL: [Self; 14] = [
        Self::Authorize,
        Self::AuthorizeSilently,
        Self::AuthorizeWithHint,
        Self::AuthorizePushed,
        Self::RedeemCode,
        Self::RedeemOfflineCode,
        Self::Refresh,
        Self::RefreshOfApp,
        Self::Userinfo,
        Self::OfflineUserinfo,
        Self::Introspection,
        Self::OfflineIntrospection,
        Self::IntrospectionOfRefresh,
        Self::LeaveForService,
    ];
}

/// What counts once is there once for each node.
struct Held {
    code: String,
    offline_code: String,
    request_uri: String,
    app_refresh: String,
}

/// Somebody signed in twice: on the device where things happen, and on another, connected with everything.
struct Person {
    email: String,
    id: AccountId,
    owner: Browser,
    other: Browser,
    access: String,
    offline_access: String,
    refresh: String,
    hint: String,
    held: Vec<Held>,
}

impl Person {
    /// The other device, at another node.
    fn on(&self, anybody: &Browser) -> Browser {
        let mut browser = anybody.clone();
        browser.cookies.clone_from(&self.other.cookies);
        browser
    }
}

async fn person(world: &World, [parken, app]: [&Service; 2], event: Event) -> Person {
    world.pass(Duration::from_secs(1));
    let email = format!("{event:?}@example.org").to_lowercase();
    let mut owner = world.browser();
    owner.register(world, &email, ["Renate", "Muster"]).await;
    let id = AccountId::parse(&world.texts("SELECT id FROM account ORDER BY id DESC").await[0]).unwrap();
    let mut other = world.browser();
    assert_eq!(other.sign_in(&email, PASSWORD).await.status, 303);
    let offline = tokens(world, parken, &mut other, &[OFFLINE]).await;
    let online = tokens(world, parken, &mut other, &[]).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(Held {
            code: parken.code(&mut other, &[]).await,
            offline_code: parken.code(&mut other, &[OFFLINE]).await,
            request_uri: text(&push(world, parken, &[]).await.json(), "request_uri"),
            app_refresh: text(&tokens(world, app, &mut other, &[OFFLINE]).await, "refresh_token"),
        });
    }
    let [access, hint] = ["access_token", "id_token"].map(|name| text(&online, name));
    let [offline_access, refresh] = ["access_token", "refresh_token"].map(|name| text(&offline, name));
    Person { email, id, owner, other, access, offline_access, refresh, hint, held }
}

async fn happens(world: &World, event: Event, person: &mut Person) {
    let owner = &mut person.owner;
    match event {
        Event::Nothing => {}
        Event::AccountLocked => {
            let by = Inquiry::new("k.muster", "Anruf der Inhaberin wegen fremder Anmeldungen").unwrap();
            operator::lock(&world.app, &by, &person.id).await.unwrap();
        }
        Event::AccountClosing => {
            owner.get("/daten/loeschen").await;
            let form = [("wann", "spaeter"), ("current", PASSWORD)];
            assert_eq!(owner.post("/daten/loeschen", &form).await.status, 303);
        }
        Event::ConsentWithdrawn => {
            for id in ["parken", "app"] {
                owner.get(&format!("/dienste/{id}/beenden")).await;
                assert_eq!(owner.post(&format!("/dienste/{id}/beenden"), &[]).await.status, 303);
            }
        }
        Event::SessionEnded => {
            let id = owner.get("/sicherheit").await.hidden("sitzung");
            assert_eq!(owner.post("/sicherheit/sitzungen/beenden", &[("sitzung", &id)]).await.status, 303);
        }
        Event::SignedOutEverywhere => {
            owner.get("/sicherheit/notfall").await;
            assert_eq!(owner.post("/sicherheit/notfall", &[]).await.status, 303);
        }
        Event::PasswordReset => {
            world.settle().await;
            world.mails.lock().unwrap().clear();
            let mut elsewhere = world.browser();
            let code = elsewhere.reset_code(world, &person.email).await;
            elsewhere.post("/wieder-anmelden/code", &[("code", &code)]).await;
            let new = [("password", "tisch-wolke-gondel-24")];
            assert_eq!(elsewhere.post("/wieder-anmelden/passwort", &new).await.status, 303);
        }
        Event::ClientRemoved => world.clients("").await,
    }
}

fn has_code(answer: &crate::support::browser::Answer) -> bool {
    answer.parameter("code").is_some()
}

async fn is_open(way: Way, [parken, app]: [&Service; 2], person: &Person, (node, anybody): (usize, &Browser)) -> bool {
    let held = &person.held[node];
    let mut browser = person.on(anybody);
    let introspect = async |token: &str| {
        let answer = parken.ask_at(anybody, "/oauth2/introspect", &[("token", token)]).await;
        answer.status == 200 && answer.json()["active"] == true
    };
    let userinfo = async |token: &str| {
        let request = anybody.request(reqwest::Method::GET, "/oauth2/userinfo").bearer_auth(token);
        anybody.clone().send(request).await.status == 200
    };
    let refresh = async |service: &Service, token: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        service.ask_at(anybody, "/oauth2/token", &form).await.status == 200
    };
    match way {
        Way::Authorize => has_code(&browser.get(&parken.request(&[])).await),
        Way::AuthorizeSilently => has_code(&browser.get(&parken.request(&[("prompt", "none")])).await),
        Way::AuthorizeWithHint => {
            let hinted = [("prompt", "none"), ("id_token_hint", person.hint.as_str())];
            has_code(&browser.get(&parken.request(&hinted)).await)
        }
        Way::AuthorizePushed => has_code(&browser.get(&reference("parken", &held.request_uri)).await),
        Way::RedeemCode => parken.redeem_at(anybody, &held.code, &[]).await.status == 200,
        Way::RedeemOfflineCode => parken.redeem_at(anybody, &held.offline_code, &[]).await.status == 200,
        Way::Refresh => refresh(parken, &person.refresh).await,
        Way::RefreshOfApp => refresh(app, &held.app_refresh).await,
        Way::Userinfo => userinfo(&person.access).await,
        Way::OfflineUserinfo => userinfo(&person.offline_access).await,
        Way::Introspection => introspect(&person.access).await,
        Way::OfflineIntrospection => introspect(&person.offline_access).await,
        Way::IntrospectionOfRefresh => introspect(&person.refresh).await,
        Way::LeaveForService => {
            let hint = &person.hint;
            let target = "post_logout_redirect_uri=https://parken.example/";
            let path = format!("/oauth2/logout?id_token_hint={hint}&{target}");
            anybody.clone().get(&path).await.location() == "https://parken.example/"
        }
    }
}

async fn walk(world: &World, services: [&Service; 2], node: &Node) {
    for event in Event::ALL {
        let mut person = person(world, services, event).await;
        // Both nodes have just seen that everything is well.
        let nodes = [world.browser(), world.browser().at(node.running.address)];
        for anybody in &nodes {
            let mut browser = person.on(anybody);
            assert_eq!(browser.get("/konto").await.status, 200, "{event:?}");
        }
        happens(world, event, &mut person).await;
        world.pass(Duration::from_secs(1));
        for (place, anybody) in nodes.iter().enumerate() {
            for way in Way::ALL {
                let open = is_open(way, services, &person, (place, anybody)).await;
                assert_eq!(open, event.leaves_open().contains(&way), "{event:?}, {way:?}, node {place}");
            }
        }
    }
}

both!(sec_d07_e11_f05_f08_k04_whatever_ends_access_ends_it_everywhere, async |mut world| {
    world
        .restart(|config| {
            (config.limits.mails_per_hour, config.limits.mails_per_day) = (1000, 1000);
            config.limits.attempts_per_network = 1000;
        })
        .await;
    let (parken, app) = (Service::new("parken"), Service::public("app"));
    world.clients(&format!("{}{}", parken.offline_declaration(""), app.offline_declaration(""))).await;
    let node = world.second_node().await;
    walk(&world, [&parken, &app], &node).await;
    node.running.abort().await;
});
