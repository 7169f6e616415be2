//! Every route as every kind of caller: invariant 20 of the security list. A new route shows up here.

use reqwest::Method;

use crate::both;
use crate::support::inspect::difference;
use crate::support::service::vorgang;
use crate::support::surface::{EMAIL, Url, two_services, urls};
use crate::support::{Browser, Service, World};
use nutzerkonto::routes::Guard;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// A browser that has just come.
    Nobody,
    /// Has confirmed an address and comes to the names.
    Registering,
    SignedIn,
    /// On the way to a service, and asked for consent.
    Consenting,
}

const CALLERS: [(Caller, &str); 4] = [
    (Caller::Nobody, "nobody"),
    (Caller::Registering, "registering"),
    (Caller::SignedIn, "signed in"),
    (Caller::Consenting, "consenting"),
];

/// Makes callers, each with a state of its own.
struct Cast<'a> {
    world: &'a World,
    services: [Service; 2],
    number: u32,
}

impl Cast<'_> {
    async fn make(&mut self, caller: Caller) -> (Browser, String) {
        let mut browser = self.world.browser();
        browser.get("/anmelden").await;
        match caller {
            Caller::Nobody => {}
            Caller::Registering => {
                self.number += 1;
                let address = format!("person-{}@example.org", self.number);
                let code = browser.registration_code(self.world, &address).await;
                browser.post("/registrieren/code", &[("code", &code)]).await;
            }
            Caller::SignedIn | Caller::Consenting => {
                browser.sign_in(EMAIL, crate::support::browser::PASSWORD).await;
                self.services[0].code(&mut browser, &[]).await;
            }
        }
        if caller != Caller::Consenting {
            return (browser, String::new());
        }
        let page = browser.visit(&self.services[1].request(&[])).await;
        let flow = format!("?vorgang={}", vorgang(&page));
        (browser, flow)
    }
}

async fn call(browser: &mut Browser, url: &Url, flow: &str) -> String {
    let path = if url.guard == Guard::Protocol { url.path.clone() } else { format!("{}{flow}", url.path) };
    let answer = match url.method {
        "GET" => browser.get(&path).await,
        "POST" => browser.post(&path, &[]).await,
        // Of protocol endpoints, which take no form.
        "PUT" | "DELETE" => {
            let request = browser.request(Method::from_bytes(url.method.as_bytes()).unwrap(), &path);
            browser.send(request).await
        }
        other => panic!("the walk does not know {other}"),
    };
    let target = answer.location().split('?').next().unwrap_or_default();
    format!("{} {target}", answer.status).trim_end().to_owned()
}

both!(sec_n03_every_route_as_every_caller, async |mut world| {
    world.restart(|config| config.limits.mails_per_network = 10_000).await;
    world.browser().register(&world, EMAIL, ["Renate", "Muster"]).await;
    let services = two_services(&world).await;
    let mut cast = Cast { world: &world, services, number: 0 };
    let mut lines = Vec::new();
    for (caller, name) in CALLERS {
        let (mut browser, mut flow) = cast.make(caller).await;
        for url in urls() {
            // What is read changes nothing on the server, and its cookies are not kept.
            let outcome = call(&mut browser.clone(), &url, &flow).await;
            lines.push(format!("{:4} {:42} {name:12} {outcome}", url.method, url.path));
            if url.method == "POST" {
                (browser, flow) = cast.make(caller).await;
            }
        }
    }
    insta::assert_snapshot!("walk", lines.join("\n"));
});

both!(sec_x11_no_other_method_does_anything, async |world| {
    let renate = &mut world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    world.settle().await;
    let (known, before) = (urls(), world.dump().await);
    for url in &known {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"] {
            if known.iter().any(|other| other.path == url.path && other.method == method) {
                continue;
            }
            let request = renate.request(Method::from_bytes(method.as_bytes()).unwrap(), &url.path);
            let request = request.header("x-http-method-override", "POST").header("x-method-override", "POST");
            let answer = renate.clone().send(request).await;
            assert_eq!(answer.status, 405, "{method} {}", url.path);
            let allowed = answer.header("allow");
            assert!(allowed.split(", ").any(|method| method == url.method), "{method} {}: {allowed:?}", url.path);
        }
    }
    let mut found = difference(&before, &world.dump().await);
    // A job may sign the head of the trail meanwhile.
    found.retain(|line| !line.starts_with("+ audit_signed_head"));
    assert_eq!(found, Vec::<String>::new());
});
