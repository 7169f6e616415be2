//! Attack rows B04 and G06: what was made for one purpose is worth nothing for another. Every object at every door.

use nutzerkonto::kernel::keys::{Algorithm, Purpose};
use reqwest::Method;
use serde_json::Value;

use crate::both;
use crate::device;
use crate::support::browser::PASSWORD;
use crate::support::doors;
use crate::support::service::{VERIFIER, claims, vorgang};
use crate::support::surface::{EMAIL, two_services};
use crate::support::{Browser, Service, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    RegistrationCode,
    ResetCode,
    AuthorizationCode,
    AccessToken,
    IdToken,
    SessionToken,
    BrowserToken,
    FormToken,
    RequestId,
    MailCheck,
    RecoveryCode,
    ClientSecret,
    Password,
    RefreshToken,
    RequestUri,
    LogoutToken,
    DeviceCode,
    UserCode,
}

/// Renate, and one object of each kind, all of them valid.
struct Purse {
    renate: Browser,
    parken: Service,
    /// The one that may refresh.
    abo: Service,
    objects: Vec<(Kind, String)>,
}

impl Purse {
    fn get(&self, kind: Kind) -> &str {
        &self.objects.iter().find(|(known, _)| *known == kind).unwrap().1
    }
}

/// Registers and returns one of the recovery codes, and the check code of the last mail.
async fn register(world: &World, renate: &mut Browser) -> (String, String) {
    let code = renate.registration_code(world, EMAIL).await;
    renate.post("/registrieren/code", &[("code", &code)]).await;
    let person = [("given_names", "Renate"), ("family_name", "Muster")];
    let birth = [("birth_day", "12"), ("birth_month", "5"), ("birth_year", "1959")];
    renate.post("/registrieren/name", &[person.as_slice(), &birth].concat()).await;
    renate.post("/registrieren/passwort", &[("password", PASSWORD)]).await;
    let page = renate.get("/registrieren/wiederherstellung").await;
    let is_code = |text: &&str| text.len() == 19 && text.split('-').all(|group| group.len() == 4);
    let recovery = page.body.split(['<', '>', ' ', '\n']).map(str::trim).find(is_code).unwrap().to_owned();
    renate.post("/registrieren/wiederherstellung", &[("kept", "ja")]).await;
    renate.post("/registrieren/pruefen", &[]).await;
    let mail = world.mail_to(EMAIL).await;
    let is_check = |text: &&str| text.len() == 9 && text.as_bytes()[4] == b'-' && text.is_ascii();
    let check = mail.body.split_whitespace().map(|word| word.trim_matches(['.', ','])).find(is_check);
    (recovery, check.unwrap().to_owned())
}

async fn fill(world: &mut World) -> Purse {
    world
        .restart(|config| {
            (config.limits.mails_per_hour, config.limits.mails_per_day) = (1000, 1000);
            config.limits.attempts_per_account = 1000;
            config.limits.attempts_per_network = 1000;
        })
        .await;
    let [parken, bibliothek] = ["parken", "bibliothek"].map(Service::new);
    let abo = Service::new("abo");
    let file = [parken.declaration(""), bibliothek.declaration(""), abo.offline_declaration("device = true")];
    world.clients(&file.concat()).await;
    let mut renate = world.browser();
    let (recovery, check) = register(world, &mut renate).await;
    let spent = parken.code(&mut renate, &[]).await;
    let tokens = parken.redeem(world, &spent).await.json();
    let lasting = doors::tokens(world, &abo, &mut renate, &[doors::OFFLINE]).await;
    let (device_code, user_code) = device::begun(world, &abo, &[device::SCOPE]).await;
    let pushed = doors::push(world, &parken, &[]).await.json();
    let authorization = parken.code(&mut renate, &[]).await;
    let request = vorgang(&renate.visit(&bibliothek.request(&[])).await);
    let reset = renate.reset_code(world, EMAIL).await;
    let registration = renate.registration_code(world, "zweite@example.org").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let objects = vec![
        (Kind::RegistrationCode, registration),
        (Kind::ResetCode, reset),
        (Kind::AuthorizationCode, authorization),
        (Kind::AccessToken, text(&tokens["access_token"])),
        (Kind::IdToken, text(&tokens["id_token"])),
        (Kind::SessionToken, renate.cookies["nk_s"].clone()),
        (Kind::BrowserToken, renate.cookies["nk_t"].clone()),
        (Kind::FormToken, renate.csrf.clone()),
        (Kind::RequestId, request),
        (Kind::MailCheck, check),
        (Kind::RecoveryCode, recovery),
        (Kind::ClientSecret, parken.secret.clone()),
        (Kind::Password, PASSWORD.to_owned()),
        (Kind::RefreshToken, text(&lasting["refresh_token"])),
        (Kind::RequestUri, text(&pushed["request_uri"])),
        (Kind::DeviceCode, device_code),
        (Kind::UserCode, user_code),
        (Kind::LogoutToken, logout_token(world, &claims(tokens["id_token"].as_str().unwrap()))),
    ];
    Purse { renate, parken, abo, objects }
}

/// What a service would be told by if this session had ended: signed with the key of ID tokens.
fn logout_token(world: &World, id: &Value) -> String {
    let mut claims = id.clone();
    claims["events"] = serde_json::json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    claims["sid"] = "sitzung".into();
    world.app.keys.current().sign_as("logout+jwt", Purpose::IdToken, Algorithm::ES256, &claims).unwrap()
}

/// Tries every object at one door; only those of the right kind may open it, and they must.
async fn at_the_door(purse: &Purse, right: &[Kind], door: &str, opens: impl AsyncFn(&str) -> bool) {
    for (kind, object) in &purse.objects {
        assert_eq!(opens(object).await, right.contains(kind), "{kind:?} at {door}");
    }
}

async fn bearer_opens(world: &World, method: Method, token: &str, in_body: bool) -> bool {
    let mut anybody = world.browser();
    let request = anybody.request(method, "/oauth2/userinfo");
    let request = if in_body {
        request.form(&[("access_token", token)])
    } else {
        request.header("authorization", format!("Bearer {token}"))
    };
    let answer = anybody.send(request).await;
    assert!([200, 401].contains(&answer.status), "{}", answer.status);
    assert!(answer.status == 200 || answer.header("www-authenticate").starts_with("Bearer"), "M03");
    answer.status == 200
}

both!(sec_b04_g06_tokens_open_their_own_door_only, async |mut world| {
    let purse = fill(&mut world).await;
    let (world, parken) = (&world, &purse.parken);
    let access = &[Kind::AccessToken];
    at_the_door(&purse, access, "userinfo", async |token| bearer_opens(world, Method::GET, token, false).await).await;
    at_the_door(&purse, access, "userinfo", async |token| bearer_opens(world, Method::POST, token, true).await).await;
    at_the_door(&purse, &[Kind::SessionToken], "session cookie", async |token| {
        let mut browser = world.browser();
        browser.cookies.insert("nk_s".to_owned(), token.to_owned());
        browser.get("/konto").await.status == 200
    })
    .await;
    at_the_door(&purse, &[Kind::IdToken], "id_token_hint", async |token| {
        let request = parken.request(&[("id_token_hint", token), ("prompt", "none")]);
        let answer = purse.renate.clone().get(&request).await;
        answer.parameter("code").is_some()
    })
    .await;
    at_the_door(&purse, &[Kind::IdToken], "logout", async |token| {
        // Nobody is signed in here, so that nothing ends; a wrong hint is a page of its own.
        world.browser().get(&format!("/oauth2/logout?id_token_hint={token}")).await.status == 303
    })
    .await;
    at_the_door(&purse, &[Kind::RequestId], "request", async |id| {
        purse.renate.clone().get(&format!("/weiter?vorgang={id}")).await.status == 303
    })
    .await;
});

both!(sec_b04_g06_codes_open_their_own_door_only, async |mut world| {
    let purse = fill(&mut world).await;
    let (world, parken, browser) = (&world, &purse.parken, world.browser());
    let redeem = async |code: &str| {
        let answer = parken.redeem_at(&browser, code, &[]).await;
        assert!(answer.status == 200 || answer.json()["error"] == "invalid_grant", "{}", answer.body);
        answer.status == 200
    };
    at_the_door(&purse, &[Kind::AuthorizationCode], "token endpoint", redeem).await;
    at_the_door(&purse, &[Kind::RefreshToken], "refresh", async |token| {
        let answer = purse.abo.refresh(world, token).await;
        assert!(answer.status == 200 || answer.json()["error"] == "invalid_grant", "{}", answer.body);
        answer.status == 200
    })
    .await;
    at_the_door(&purse, &[Kind::RequestUri], "request_uri", async |uri| {
        purse.renate.clone().get(&doors::reference("parken", uri)).await.parameter("code").is_some()
    })
    .await;
    at_the_door(&purse, &[Kind::ClientSecret], "client secret", async |secret| {
        let service = Service { secret: secret.to_owned(), ..parken.clone() };
        service.redeem_at(&browser, "x", &[]).await.status == 400
    })
    .await;
    at_the_door(&purse, &[], "client assertion", async |assertion| {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
            ("code", "x"),
            ("redirect_uri", &parken.redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        world.browser().post_exactly("/oauth2/token", &form).await.status != 401
    })
    .await;
    at_the_door(&purse, &[Kind::FormToken], "anti-forgery value", async |token| {
        purse.renate.clone().post_exactly("/anmelden", &[("csrf", token)]).await.status != 403
    })
    .await;
    at_the_door(&purse, &[Kind::Password], "password", async |password| {
        world.browser().sign_in(EMAIL, password).await.status == 303
    })
    .await;
    at_the_door(&purse, &[Kind::MailCheck], "mail check", async |code| {
        let page = purse.renate.clone().post("/echt", &[("code", code)]).await;
        page.status == 200 && page.body.contains("nk-banner\" role=\"status\"")
    })
    .await;
});

both!(sec_b04_g06_codes_of_devices_open_their_own_door_only, async |mut world| {
    let purse = fill(&mut world).await;
    let world = &world;
    at_the_door(&purse, &[Kind::DeviceCode], "device", async |code| {
        let told = device::told(world, &purse.abo, code).await;
        assert!(["authorization_pending", "invalid_grant"].contains(&told.as_str()), "{told}");
        told == "authorization_pending"
    })
    .await;
    at_the_door(&purse, &[Kind::UserCode], "code of a device", async |code| {
        let answer = purse.renate.clone().post("/geraet", &[("code", code)]).await;
        assert!([303, 422].contains(&answer.status), "{}", answer.status);
        answer.status == 303
    })
    .await;
});

/// A code may be tried five times, so that each wrong object meets a code that could still be right.
async fn mailed(world: &mut World, right: Kind, begin: &str, address: &str, door: &str) {
    let purse = fill(world).await;
    for objects in purse.objects.chunks(4) {
        let mut browser = purse.renate.clone();
        browser.get(begin).await;
        browser.post(begin, &[("email", address)]).await;
        let code = world.code_for(address).await;
        for (kind, object) in objects.iter().filter(|(kind, _)| *kind != right) {
            let answer = browser.post(door, &[("code", object)]).await;
            assert_eq!(answer.status, 422, "{kind:?} at {door}");
        }
        assert_eq!(browser.post(door, &[("code", &code)]).await.status, 303, "the right one at {door}");
    }
    // The one that was right at the beginning has been replaced.
    let old = purse.get(right);
    let mut browser = purse.renate.clone();
    browser.get(begin).await;
    browser.post(begin, &[("email", address)]).await;
    assert_eq!(browser.post(door, &[("code", old)]).await.status, 422, "an old one at {door}");
}

both!(sec_b04_only_a_registration_code_registers, async |mut world| {
    let (begin, door) = ("/registrieren/email", "/registrieren/code");
    mailed(&mut world, Kind::RegistrationCode, begin, "zweite@example.org", door).await;
});

both!(sec_b04_only_a_reset_code_resets, async |mut world| {
    mailed(&mut world, Kind::ResetCode, "/wieder-anmelden/email", EMAIL, "/wieder-anmelden/code").await;
});

// An authorization code and a request spent, ended or somebody else's.
both!(sec_b04_a_request_is_answered_once, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let node = world.second_node().await;
    for _ in 0..4 {
        // A consent of the same instant would count for the next request too.
        world.pass(std::time::Duration::from_secs(1));
        let page = renate.visit(&parken.request(&[("prompt", "consent")])).await;
        let flow = format!("?vorgang={}", vorgang(&page));
        renate.post(&format!("/einwilligung{flow}"), &[("antwort", "ja")]).await;
        let resumed = (0..16).map(|number| {
            let mut browser = if number % 2 == 1 { renate.at(node.running.address) } else { renate.clone() };
            let path = format!("/weiter{flow}");
            async move { browser.get(&path).await }
        });
        let answers = futures_util::future::join_all(resumed).await;
        let codes = answers.iter().filter(|answer| answer.parameter("code").is_some()).count();
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(codes, 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [303, 410].contains(status)), "{statuses:?}");
        assert_eq!(renate.get(&format!("/einwilligung{flow}")).await.status, 410);
        assert_eq!(renate.post(&format!("/einwilligung{flow}"), &[("antwort", "ja")]).await.status, 410);
    }
    node.running.abort().await;
});
