//! An authority's program: it gets tokens with a key of its own and provides notices.

use reqwest::Method;
use serde_json::{Value, json};

use super::browser::{Answer, Browser};
use super::doors::tokens;
use super::service::Service;
use super::world::World;
use crate::security_assertion::Signer;

/// Its part of the client file.
pub const POSTBOX: &str = "sector = \"stadt\"\nown_scopes = [\"postbox\"]\npostbox = { land = \"RP\" }\n";
pub const MESSAGES: &str = "/api/postbox/v1/messages";

pub struct Authority {
    pub signer: Signer,
    /// The service of the same authority that people use.
    pub service: Service,
}

impl Authority {
    /// The city's office, which delivers, and a service of the city; both see the same subjects.
    pub async fn opens(world: &World) -> Self {
        Self::opens_with(world, POSTBOX, "sector = \"stadt\"").await
    }

    pub async fn opens_with(world: &World, office: &str, service: &str) -> Self {
        let (signer, wohngeld) = (Signer::new("amt"), Service::new("wohngeld"));
        let file = format!("{}{}", signer.declaration(office), wohngeld.declaration(service));
        world.clients(&file).await;
        Self { signer, service: wohngeld }
    }

    pub async fn token(&self, world: &World) -> String {
        let assertion = self.signer.assertion(world, |_| {});
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", Signer::TYPE),
            ("client_assertion", assertion.as_str()),
        ];
        let answer = world.browser().without_cookies().post_exactly("/oauth2/token", &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// The subject of somebody who signs in to the city's service.
    pub async fn knows(&self, world: &World, who: &mut Browser) -> String {
        let tokens = tokens(world, &self.service, who, &[]).await;
        super::service::claims(tokens["id_token"].as_str().unwrap())["sub"].as_str().unwrap().to_owned()
    }

    /// Calls the interface at a node.
    pub async fn calls(
        &self,
        at: &Browser,
        token: &str,
        (method, path): (Method, &str),
        body: Option<&Value>,
    ) -> Answer {
        let mut anybody = at.without_cookies();
        let mut request = anybody.request(method, path).header("authorization", format!("Bearer {token}"));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        anybody.send(request).await
    }

    /// Provides a notice at a node, under a key.
    pub async fn provides_at(&self, at: &Browser, token: &str, key: &str, notice: &Value) -> Answer {
        let mut anybody = at.without_cookies();
        let request = anybody.request(Method::POST, MESSAGES).header("authorization", format!("Bearer {token}"));
        let request = request.header("idempotency-key", key).header("content-type", "application/json");
        anybody.send(request.body(notice.to_string())).await
    }

    pub async fn provides(&self, world: &World, key: &str, notice: &Value) -> Answer {
        self.provides_at(&world.browser(), &self.token(world).await, key, notice).await
    }

    /// What it has not taken note of yet: the kinds of events, the oldest first.
    pub async fn told(&self, world: &World) -> Vec<String> {
        let token = self.token(world).await;
        let answer = self.calls(&world.browser(), &token, (Method::GET, "/api/postbox/v1/events"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let events = answer.json()["events"].as_array().unwrap().clone();
        let mut kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect();
        // Time stands still here, and what happens in one moment has no order.
        kinds.sort_by_key(|kind| kind != "provided");
        kinds
    }
}

/// A decision about a housing benefit.
pub fn decision(subject: &str) -> Value {
    json!({
        "recipient": { "subject": subject },
        "kind": "decision",
        "legal_basis": "OZG9",
        "remedy": "objection",
        "subject": "Bescheid über Wohngeld",
        "reference": "50.3-4711",
        "short": {
            "what": "Sie bekommen Wohngeld von Dezember an.",
            "to_do": "Nichts, wenn alles stimmt.",
            "by_when": "Widerspruch ist einen Monat lang möglich.",
        },
        "text": "Sehr geehrte Frau Muster,\n\nSie bekommen 214 Euro im Monat.",
    })
}
