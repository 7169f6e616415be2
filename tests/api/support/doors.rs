//! What the stories of attacks share: somebody connected with a service, and the doors that take parameters.

use serde_json::Value;

use super::browser::{Answer, Browser};
use super::service::Service;
use super::surface::EMAIL;
use super::world::World;

/// A scope with a refresh token.
pub const OFFLINE: (&str, &str) = ("scope", "openid profile email offline_access");

/// Renate, signed in and connected with the services.
pub async fn connected(world: &World, services: &[&Service]) -> Browser {
    let mut renate = world.browser();
    renate.register(world, EMAIL, ["Renate", "Muster"]).await;
    for service in services {
        service.code(&mut renate, &[]).await;
    }
    renate
}

/// What a service gets for a code.
pub async fn tokens(world: &World, service: &Service, who: &mut Browser, changes: &[(&'static str, &str)]) -> Value {
    let code = service.code(who, changes).await;
    let answer = service.redeem(world, &code).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// A text of an answer.
pub fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer}")).to_owned()
}

/// Status and error code of a refusal in JSON.
pub fn refusal(answer: &Answer) -> (u16, String) {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    (answer.status, body["error"].as_str().unwrap_or_default().to_owned())
}

/// Deposits the ordinary request with some parameters changed or (empty) left out.
pub async fn push(world: &World, service: &Service, changes: &[(&'static str, &str)]) -> Answer {
    let mut form = service.parameters();
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        form.push((name, (*value).to_owned()));
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    service.ask(world, "/oauth2/par", &form).await
}

/// The address that takes a deposited request.
pub fn reference(client: &str, request_uri: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", client).append_pair("request_uri", request_uri);
    format!("/oauth2/authorize?{}", query.finish())
}

/// A request for introspection, answered.
pub async fn introspect(world: &World, service: &Service, token: &str) -> Value {
    let answer = service.ask(world, "/oauth2/introspect", &[("token", token)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}
