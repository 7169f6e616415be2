//! A client in its own name: what it gets, and that it gets nothing of a person.

use crate::both;
use crate::support::browser::Answer;
use crate::support::service::claims;
use crate::support::{Service, World};

const MACHINE: &str = "own_scopes = [\"postfach.zustellen\", \"postfach.lesen\"]\nresource = \"https://api.example/\"";

fn refused(answer: &Answer, code: &str, what: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(code)), "{what}");
}

async fn machine(world: &World) -> [Service; 2] {
    let (machine, parken) = (Service::new("maschine"), Service::new("parken"));
    let alone = machine.declaration(MACHINE).replace("redirect_uris = [\"https://maschine.example/cb\"]\n", "");
    let alone = alone.replace("post_logout_redirect_uris = [\"https://maschine.example/\"]\n", "");
    world.clients(&format!("{alone}{}", parken.declaration(""))).await;
    [machine, parken]
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

both!(a_machine_gets_a_token_and_nothing_is_written, async |world| {
    let [machine, parken] = machine(&world).await;
    let commits = world.app.db.commits();
    let answer = machine.ask(&world, "/oauth2/token", &[GRANT]).await;
    assert_eq!(world.app.db.commits(), commits, "no transaction");
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let tokens = answer.json();
    assert_eq!((tokens.get("id_token"), tokens.get("refresh_token")), (None, None));
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&"postfach.zustellen postfach.lesen".into(), &300.into()));
    let token = tokens["access_token"].as_str().unwrap();
    let said = claims(token);
    assert_eq!((&said["sub"], &said["client_id"]), (&"maschine".into(), &"maschine".into()), "RFC 9068 section 2.2");
    assert_eq!((&said["aud"], said.get("grant")), (&"https://api.example/".into(), None));
    assert_eq!(machine.userinfo(&world, token).await.status, 401, "nobody's data");
    let asked = async |service: &Service| service.ask(&world, "/oauth2/introspect", &[("token", token)]).await.json();
    assert_eq!((&asked(&machine).await["active"], &asked(&parken).await["active"]), (&true.into(), &false.into()));
    let revoked = machine.ask(&world, "/oauth2/revoke", &[("token", token)]).await;
    refused(&revoked, "unsupported_token_type", "RFC 7009 section 2.2.1");
    assert_eq!(parken.ask(&world, "/oauth2/revoke", &[("token", token)]).await.status, 200, "sec_m05");
    world.pass(std::time::Duration::from_secs(300));
    assert_eq!(asked(&machine).await["active"], false);
});

both!(sec_e14_no_more_than_is_registered, async |world| {
    let [machine, parken] = machine(&world).await;
    let ask = async |more: (&str, &str)| machine.ask(&world, "/oauth2/token", &[GRANT, more]).await;
    let less = ask(("scope", "postfach.lesen postfach.lesen")).await.json();
    assert_eq!(less["scope"], "postfach.lesen");
    assert_eq!(ask(("resource", "https://api.example/")).await.status, 200);
    for scope in ["openid", "postfach.lesen openid", "postfach.*", "postfach.lesen  ", "Postfach.lesen"] {
        refused(&ask(("scope", scope)).await, "invalid_scope", scope);
    }
    for resource in ["https://api.example", "https://evil.example/", "https://api.example/x"] {
        refused(&ask(("resource", resource)).await, "invalid_target", resource);
    }
    let none = parken.ask(&world, "/oauth2/token", &[GRANT]).await;
    refused(&none, "unauthorized_client", "sec_e10: not registered for it");
    let page = world.browser().get(&machine.request(&[])).await;
    assert_eq!((page.status, page.location()), (400, ""), "and nobody signs in to a machine");
    let unproven = world.browser().post_exactly("/oauth2/token", &[GRANT, ("client_id", "maschine")]).await;
    assert_eq!((unproven.status, unproven.json()["error"].as_str()), (401, Some("invalid_client")), "sec_e09");
});
