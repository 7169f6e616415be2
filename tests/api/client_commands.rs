//! Clients as the operator runs them: switched off and on, given secrets, applied from a file. Rows E04, L06, L07.

use std::time::Duration;

use nutzerkonto::client::ClientFile;
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::ClientId;
use nutzerkonto::kernel::secret::{hex, sha256};
use nutzerkonto::kernel::time::{days, minutes};
use nutzerkonto::operator::Inquiry;
use nutzerkonto::operator::client::{self, Applied, Warning};

use crate::both;
use crate::support::browser::Answer;
use crate::support::surface::EMAIL;
use crate::support::{Browser, Service, World};

const REASON: &str = "Schlüssel des Dienstes steht in einem öffentlichen Archiv";

fn by() -> Inquiry {
    Inquiry::new("k.muster", REASON).unwrap()
}

fn id(text: &str) -> ClientId {
    ClientId(text.to_owned())
}

fn file(text: &str) -> ClientFile {
    ClientFile::parse(text, true).unwrap()
}

/// Until every node has looked at the version number.
async fn soon() {
    tokio::time::sleep(Duration::from_millis(900)).await;
}

/// Applies a file as the command does; `false` if it was refused.
async fn apply(world: &World, text: &str, change_subjects: bool) -> bool {
    let applied = client::apply(&world.app, &file(text), change_subjects).await.unwrap();
    soon().await;
    matches!(applied, Applied::Done(_))
}

async fn rotate(world: &World, hours: u64) -> Result<String, Error> {
    let secret = client::rotate_secret(&world.app, "k.muster", &id("parken"), client::overlap(hours).unwrap()).await;
    soon().await;
    secret.map(|secret| secret.expose().clone())
}

/// A declaration whose secret is made by us.
fn without_secret(service: &Service) -> String {
    service.declaration("").split("secret_sha256").next().unwrap().to_owned()
}

/// Everything that a client may ask, and what it was answered: status and error.
async fn asks(node: &Browser, service: &Service, tokens: &[String; 2]) -> Vec<(&'static str, u16, String)> {
    let [access, refresh] = tokens.each_ref().map(String::as_str);
    let parameters = service.parameters();
    let pushed: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refreshing = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let own = [("grant_type", "client_credentials")];
    let mut said = Vec::new();
    let mut keep = |path, answer: &Answer| {
        let error = if answer.status < 400 { String::new() } else { answer.body.clone() };
        said.push((path, answer.status, error));
    };
    keep("code", &service.redeem_at(node, "x", &[]).await);
    keep("refresh", &service.ask_at(node, "/oauth2/token", &refreshing).await);
    keep("own", &service.ask_at(node, "/oauth2/token", &own).await);
    keep("introspect", &service.ask_at(node, "/oauth2/introspect", &[("token", access)]).await);
    keep("revoke", &service.ask_at(node, "/oauth2/revoke", &[("token", "x")]).await);
    keep("par", &service.ask_at(node, "/oauth2/par", &pushed).await);
    said
}

async fn userinfo(node: &Browser, token: &str) -> u16 {
    let mut anybody = node.without_cookies();
    let request = anybody.request(reqwest::Method::GET, "/oauth2/userinfo");
    anybody.send(request.header("authorization", format!("Bearer {token}"))).await.status
}

/// Renate, connected with "parken", and its tokens.
async fn connected(world: &World, parken: &Service, declaration: &str) -> (Browser, [String; 2]) {
    world.clients(declaration).await;
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    let code =
        parken.code(&mut renate, &[("scope", "openid profile email offline_access"), ("prompt", "consent")]).await;
    let tokens = parken.redeem(world, &code).await.json();
    (renate, ["access_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap().to_owned()))
}

both!(a_client_that_is_switched_off_is_refused_on_every_path, async |world| {
    let parken = Service::new("parken");
    let (mut renate, tokens) = connected(&world, &parken, &parken.offline_declaration("")).await;
    let second = world.second_node().await;
    let nodes = [world.browser(), world.browser().at(second.running.address)];
    assert_eq!(userinfo(&nodes[1], &tokens[0]).await, 200);
    let waiting = parken.code(&mut renate, &[]).await;
    client::disable(&world.app, &by(), &id("parken")).await.unwrap();
    soon().await;
    let stranger = Service { id: "niemand".to_owned(), ..parken.clone() };
    for node in &nodes {
        let refused = asks(node, &parken, &tokens).await;
        assert!(refused.iter().all(|(_, status, _)| *status == 401), "{refused:?}");
        assert_eq!(refused, asks(node, &stranger, &tokens).await, "nobody can tell it from one that never was");
        assert_eq!(userinfo(node, &tokens[0]).await, 401);
        assert_eq!(parken.redeem_at(node, &waiting, &[]).await.status, 401);
        let page = node.without_cookies().get(&parken.request(&[])).await;
        assert_eq!((page.status, page.location()), (400, ""), "a page of ours, and no way to the client");
        let strange = node.without_cookies().get(&stranger.request(&[])).await;
        assert_eq!((page.status, page.heading()), (strange.status, strange.heading()), "the page says no more");
        assert!(!page.body.contains("Dienst parken"), "{}", page.body);
    }
    // Who is connected still sees it, and can end that.
    for node in [&mut renate.at(second.running.address), &mut renate] {
        let page = node.get("/dienste").await.body;
        assert!(page.contains("Stadt Musterhausen – Dienst parken") && page.contains("Derzeit abgeschaltet"), "{page}");
    }
    assert!(matches!(client::disable(&world.app, &by(), &id("parken")).await, Err(Error::Conflict(_))));
    client::enable(&world.app, &by(), &id("parken")).await.unwrap();
    soon().await;
    world.pass(Duration::from_secs(1));
    for node in &nodes {
        assert_eq!(userinfo(node, &tokens[0]).await, 200, "what has not ended counts again");
        let answered = asks(node, &parken, &tokens).await;
        assert!(answered.iter().all(|(_, status, _)| *status != 401), "{answered:?}");
    }
    assert!(!renate.get("/dienste").await.body.contains("abgeschaltet"));
    assert!(matches!(client::enable(&world.app, &by(), &id("parken")).await, Err(Error::Conflict(_))));
    for unknown in ["niemand", ""] {
        assert!(matches!(client::disable(&world.app, &by(), &id(unknown)).await, Err(Error::NotFound)));
        assert!(matches!(client::enable(&world.app, &by(), &id(unknown)).await, Err(Error::NotFound)));
    }
    let recorded = "SELECT kind || ' ' || actor || ' ' || subject || ' ' || reason FROM audit_event
                     WHERE kind IN ('client.disabled', 'client.enabled') ORDER BY kind";
    let expected =
        ["disabled", "enabled"].map(|what| format!("client.{what} operator:k.muster client:parken {REASON}"));
    assert_eq!(world.texts(recorded).await, expected);
    second.running.abort().await;
});

both!(a_connection_with_a_client_that_is_switched_off_can_be_ended, async |world| {
    let parken = Service::new("parken");
    let (mut renate, tokens) = connected(&world, &parken, &parken.offline_declaration("")).await;
    client::disable(&world.app, &by(), &id("parken")).await.unwrap();
    soon().await;
    renate.get("/dienste/parken/beenden").await;
    let ended = renate.post("/dienste/parken/beenden", &[]).await;
    let page = renate.follow(ended).await;
    assert!(page.body.contains("Dienst parken bekommt ab jetzt keine Daten mehr"), "{}", page.body);
    client::enable(&world.app, &by(), &id("parken")).await.unwrap();
    soon().await;
    assert_eq!(parken.userinfo(&world, &tokens[0]).await.status, 401);
    assert_eq!(parken.refresh(&world, &tokens[1]).await.status, 400);
});

both!(sec_l06_a_file_does_not_switch_a_client_on, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.declaration("")).await;
    client::disable(&world.app, &by(), &id("parken")).await.unwrap();
    let changed = parken.declaration("contacts = [\"dienst@example.org\"]");
    for text in [&parken.declaration(""), &changed, "", &changed] {
        assert!(apply(&world, text, false).await);
        assert_eq!(parken.redeem(&world, "x").await.status, 401, "{text}");
    }
    let plan = client::plan(&world.app, &file(&changed)).await.unwrap();
    assert_eq!((plan.changes.len(), plan.warnings), (0, vec![Warning::Disabled(id("parken"))]));
    for key in ["disabled = false", "state = \"enabled\"", "is_disabled = false"] {
        assert!(ClientFile::parse(&parken.declaration(key), true).is_err(), "{key}: not for a file to say");
    }
    client::enable(&world.app, &by(), &id("parken")).await.unwrap();
    soon().await;
    assert_eq!(parken.redeem(&world, "x").await.status, 400);
});

both!(a_secret_is_made_exchanged_and_forgotten, async |world| {
    let parken = Service::new("parken");
    let text = without_secret(&parken);
    let plan = client::plan(&world.app, &file(&text)).await.unwrap();
    assert_eq!(plan.warnings, [Warning::NoSecret(id("parken"))]);
    world.clients(&text).await;
    let second = world.second_node().await;
    let nodes = [world.browser(), world.browser().at(second.running.address)];
    let statuses = async |secret: &str| {
        let service = Service { secret: secret.to_owned(), ..Service::new("parken") };
        let mut statuses = Vec::new();
        for node in &nodes {
            statuses.push(service.redeem_at(node, "x", &[]).await.status);
        }
        statuses
    };
    assert_eq!(statuses(&parken.secret).await, [401, 401], "nobody has one yet");
    let text_of = async |world: &World| {
        let (standing, accounts) = client::find(&world.app, &id("parken")).await.unwrap();
        standing.describe(accounts, world.app.now())
    };
    assert!(text_of(&world).await.contains("cannot authenticate"));
    let rotate = async |hours: u64| rotate(&world, hours).await;
    let first = rotate(24).await.unwrap();
    assert_eq!(first.len(), 43, "256 bits");
    assert_eq!(statuses(&first).await, [400, 400]);
    assert!(client::plan(&world.app, &file(&text)).await.unwrap().warnings.is_empty());
    world.pass(minutes(1));
    let next = rotate(24).await.unwrap();
    assert_eq!((statuses(&first).await, statuses(&next).await), (vec![400, 400], vec![400, 400]));
    let show = text_of(&world).await;
    assert_eq!((show.matches("counts since").count(), show.matches(" until ").count()), (2, 1), "{show}");
    world.pass(days(1));
    assert_eq!(
        (statuses(&first).await, statuses(&next).await),
        (vec![401, 401], vec![400, 400]),
        "the overlap is over"
    );
    let last = rotate(0).await.unwrap();
    assert_eq!((statuses(&next).await, statuses(&last).await), (vec![401, 401], vec![400, 400]), "at once");
    // Nobody can read a secret anywhere, and what is stored is not one.
    let dump = format!("{:?}", world.dump().await).to_lowercase();
    assert!(dump.contains(&hex(&sha256(last.as_bytes()))), "this look sees what is stored");
    for secret in [&first, &next, &last] {
        assert!(!dump.contains(&secret.to_lowercase()) && !dump.contains(&hex(secret.as_bytes())));
    }
    second.running.abort().await;
});

both!(secrets_are_few_and_what_a_file_did_away_with_stays_away, async |world| {
    let text = without_secret(&Service::new("parken"));
    world.clients(&text).await;
    let first = rotate(&world, 1).await.unwrap();
    let parken = Service { secret: first, ..Service::new("parken") };
    for _ in 0..3 {
        rotate(&world, 1).await.unwrap();
    }
    assert!(matches!(rotate(&world, 1).await, Err(Error::Conflict(why)) if why.contains("overlap-hours 0")));
    assert_eq!(parken.redeem(&world, "x").await.status, 400, "a refused rotation changes nothing");
    apply(&world, &Service::new("parken").declaration(""), false).await;
    assert_eq!(parken.redeem(&world, "x").await.status, 401);
    apply(&world, &text, false).await;
    assert_eq!(parken.redeem(&world, "x").await.status, 401);
    assert_eq!(world.rows("client_secret").await, 0);
    rotate(&world, 1).await.unwrap();
    apply(&world, "", false).await;
    assert_eq!(world.rows("client_secret").await, 0);
    let made = world.texts("SELECT actor FROM audit_event WHERE kind = 'client.secret_rotated'").await;
    assert_eq!(made, vec!["operator:k.muster"; 5]);
});

both!(a_secret_is_made_only_where_none_is_declared, async |world| {
    let (parken, public) = (Service::new("parken"), Service::public("offen"));
    world.clients(&[parken.declaration(""), public.declaration("")].concat()).await;
    let refused =
        async |name: &str| match client::rotate_secret(&world.app, "k.muster", &id(name), Duration::ZERO).await {
            Err(Error::Conflict(why)) => why,
            Err(Error::NotFound) => "unknown",
            other => panic!("{}", other.is_ok()),
        };
    assert!(refused("parken").await.contains("take the line out"));
    assert!(refused("offen").await.contains("public"));
    assert_eq!(refused("niemand").await, "unknown");
    assert!(client::overlap(721).is_err() && client::overlap(720).is_ok());
    assert_eq!(world.rows("client_secret").await, 0);
});

both!(subjects_change_only_when_somebody_says_so, async |world| {
    let parken = Service::new("parken");
    let (_renate, tokens) = connected(&world, &parken, &parken.offline_declaration("")).await;
    let subject = async || parken.userinfo(&world, &tokens[0]).await.json()["sub"].clone();
    let before = subject().await;
    let warning = Warning::OtherSubjects { client: id("parken"), accounts: 1 };
    let others =
        ["sector = \"verkehr\"", "subject_type = \"public\"", "authority_id = \"073150000000\"\nservice_id = \"99\""];
    for extra in others {
        let text = parken.offline_declaration(extra);
        assert_eq!(
            client::plan(&world.app, &file(&text)).await.unwrap().warnings,
            std::slice::from_ref(&warning),
            "{extra}"
        );
        assert!(!apply(&world, &text, false).await, "{extra}");
        assert_eq!(subject().await, before, "nothing was changed");
    }
    // What leaves subjects alone needs no word.
    for extra in ["authority_id = \"073150000000\"", "service_id = \"99\"", "sector = \"parken\"", "level = \"basic\""]
    {
        assert!(apply(&world, &parken.offline_declaration(extra), false).await, "{extra}");
        assert_eq!(subject().await, before, "{extra}");
    }
    assert!(apply(&world, &parken.offline_declaration(others[0]), true).await);
    assert_ne!(subject().await, before);
    // A removed client leaves people with a connection that they do not see any more: said, not refused.
    let plan = client::plan(&world.app, &file("")).await.unwrap();
    assert_eq!(plan.warnings, [Warning::Removed { client: id("parken"), accounts: 1 }]);
    // Nobody is connected with the other one, so nobody has to be asked.
    let other = Service::new("bibliothek");
    let both = |extra: &str| [parken.offline_declaration(others[0]), other.declaration(extra)].concat();
    assert!(apply(&world, &both(""), false).await && apply(&world, &both(others[1]), false).await);
});

both!(a_client_is_listed_and_shown, async |world| {
    let parken = Service::new("parken");
    connected(&world, &parken, &[parken.offline_declaration(""), Service::new("still").declaration("")].concat()).await;
    let list = client::list(&world.app).await.unwrap();
    let seen: Vec<_> = list.iter().map(|(one, accounts)| (one.client.id.0.as_str(), *accounts)).collect();
    assert_eq!(seen, [("parken", 1), ("still", 0)]);
    client::disable(&world.app, &by(), &id("parken")).await.unwrap();
    let (standing, accounts) = client::find(&world.app, &id("parken")).await.unwrap();
    let text = standing.describe(accounts, world.app.now());
    for part in ["switched off since 23 November 2026", "k.muster", REASON, "https://parken.example/cb", "accounts"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(matches!(client::find(&world.app, &id("niemand")).await, Err(Error::NotFound)));
});

/// One thing after the other is changed in a file that is in force: each save judges the whole client again.
#[test]
fn sec_l07_a_change_is_judged_as_a_new_client() {
    let parken = Service::new("parken").declaration("");
    let key = "{ kty = \"OKP\", crv = \"Ed25519\", kid = \"a\", x = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\" }";
    let signing = |more: &str| {
        let front = parken.split("[client.authentication]").next().unwrap();
        format!("{front}[client.authentication]\nmethod = \"private_key_jwt\"\n{more}\n")
    };
    let (keys, uri) = (format!("jwks = {{ keys = [{key}] }}"), "jwks_uri = \"https://parken.example/jwks\"");
    let good = [parken.clone(), signing(&keys), signing(uri), without_secret(&Service::new("parken"))];
    for text in &good {
        assert!(ClientFile::parse(text, false).is_ok(), "{text}");
        for (from, to) in [
            ("https://parken.example/cb", "http://parken.example/cb"),
            ("https://parken.example/datenschutz", "javascript:alert(1)"),
            ("\"openid\"", "\"alles\""),
            ("name = {", "nome = {"),
            ("Stadt Musterhausen", ""),
            ("method = \"private_key_jwt\"", "method = \"client_secret_basic\""),
            ("method = \"client_secret_basic\"", "method = \"private_key_jwt\""),
            ("method = \"private_key_jwt\"", "method = \"none\""),
            ("kid = \"a\", ", "use = \"enc\", "),
            ("https://parken.example/jwks", "http://parken.example/jwks"),
            ("https://parken.example/jwks", "https://10.0.0.1/jwks"),
            ("id = \"parken\"", "id = \"par ken\""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert!(changed == *text || ClientFile::parse(&changed, false).is_err(), "{from} -> {to}: {changed}");
        }
    }
    for more in ["", &[&keys, uri].join("\n"), "secret_sha256 = \"00\"", "jwks = { keys = [] }"] {
        assert!(ClientFile::parse(&signing(more), false).is_err(), "{more}");
    }
}
