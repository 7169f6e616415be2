//! Programs of organisations, and an API that is for them.

use nutzerkonto::kernel::time::Timestamp;
use nutzerkonto::sql;
use nutzerkonto::store::db::Tx;

use super::browser::{Answer, Browser};
use super::organisation::Firm;
use super::service::Service;
use super::world::World;
use crate::security_assertion::{ASSERTION_TYPE, Signer};

pub const API: &str = "https://api.example/";
pub const SEND: &str = "api meldung.senden";
pub const READ: &str = "api meldung.lesen";

/// The API, with these lines in its part of the client file besides.
pub fn declaration(extra: &str) -> String {
    let scope = |name: &str, text: &str| {
        format!("{{ name = \"{name}\", label = {{ de = \"{text} senden\", en = \"Send {text}\" }} }}")
    };
    let scopes = [scope("meldung.senden", "Meldungen"), scope("meldung.lesen", "Antworten")].join(", ");
    let lines = format!("resource_server = \"{API}\"\norganisation_scopes = [{scopes}]\n{extra}");
    Service::new("api").serving(&["organisations"], &lines)
}

/// A program with a key pair that an organisation has given a key.
pub struct Program {
    pub signer: Signer,
}

/// What stands in the form for a new key.
pub fn form<'a>(jwk: &'a str, action: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![("name", "Lohnbuchhaltung"), ("schluessel", jwk), ("recht", SEND), ("tage", "180"), ("aktion", action)]
}

impl Firm {
    /// Somebody gives a program a key on the pages.
    pub async fn gives_key(&self, browser: &mut Browser) -> Program {
        let mut signer = Signer::new("programm");
        let jwk = signer.jwk().to_string();
        let made = self.sends(browser, "schluessel/neu", &form(&jwk, "anlegen")).await;
        assert_eq!(made.status, 303, "{made:?}");
        let id = made.location().rsplit_once("/schluessel/").unwrap().1;
        signer.service.id = id.split('?').next().unwrap().to_owned();
        Program { signer }
    }
}

impl Program {
    pub fn id(&self) -> &str {
        &self.signer.service.id
    }

    /// Sends an assertion to an endpoint.
    pub async fn presents(&self, browser: &Browser, path: &str, assertion: &str, more: &[(&str, &str)]) -> Answer {
        let form = [more, &[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]].concat();
        browser.without_cookies().post_exactly(path, &form).await
    }

    /// Asks for a token as it should.
    pub async fn asks(&self, world: &World, more: &[(&str, &str)]) -> Answer {
        let more = [more, &[("grant_type", "client_credentials")]].concat();
        self.presents(&world.browser(), "/oauth2/token", &self.signer.assertion(world, |_| {}), &more).await
    }

    pub async fn token(&self, world: &World) -> String {
        let answer = self.asks(world, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
}

/// What introspection says of a token to the API.
pub async fn known(world: &World, token: &str) -> serde_json::Value {
    Service::new("api").ask(world, "/oauth2/introspect", &[("token", token)]).await.json()
}

/// A key, an organisation and a membership of one name; the last two are there already.
pub async fn plant_key(tx: &mut Tx, name: &str, expires_at: Timestamp) {
    sql!(
        tx,
        execute,
        "INSERT INTO organisation_key (id, organisation_id, owner_id, client_id, scope, name, jwk, thumbprint, created_at,
                                       expires_at)
         VALUES ($1, $1, $1, 'x', 'x', $2, '{}', $1, 1, $3)",
        name,
        name.as_bytes(),
        expires_at
    )
    .unwrap();
}
