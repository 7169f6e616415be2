//! Every URL on one screen: method, path, how its refusals look, who may call it.

use std::collections::{HashMap, HashSet};

use actix_web::http::Method;
use actix_web::middleware::{Compress, Condition};
use actix_web::{HttpResponse, Route, web};

use crate::demo;
use crate::web::cors::{CrossOrigin, preflight};
use crate::web::error::{Format, Formats};
use crate::web::page::{FAVICON, STYLESHEET, STYLESHEET_PATH};

/// Who may call a route. The handler asks for the value that proves it; this column is what tests compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    Public,
    /// Needs an authorization request under way in this browser.
    Flow,
    SignedIn,
    /// Needs somebody who has left their account and may still return.
    Leaving,
    /// Authenticates a client or a token itself.
    Protocol,
}

/// One row of the table.
pub struct Row {
    pub method: &'static str,
    pub path: &'static str,
    pub format: Format,
    pub guard: Guard,
    pub handler: Route,
    /// Whether programs of registered origins may read the answer in a browser.
    pub is_cross_origin: bool,
}

impl Row {
    fn cross_origin(self) -> Self {
        Self { is_cross_origin: true, ..self }
    }
}

fn get(path: &'static str, format: Format, guard: Guard, handler: Route) -> Row {
    Row { method: "GET", path, format, guard, handler, is_cross_origin: false }
}

fn post(path: &'static str, format: Format, guard: Guard, handler: Route) -> Row {
    Row { method: "POST", path, format, guard, handler, is_cross_origin: false }
}

/// The table. `demo` adds what exists only in a demonstration.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "one row per URL: the whole surface on one screen")]
pub fn table(demo: bool) -> Vec<Row> {
    use Format::{OAuth, Page};
    use Guard::{Flow, Leaving, Protocol, Public, SignedIn};
    use crate::account::web::{self as account, further};
    use crate::data::web as data;
    use crate::notice::web as notice;
    use crate::oidc::web::{self as oidc, device, programs};
    use crate::signin::web::{self as signin, contact, register, reset, security};
    let get_to = web::get;
    let post_to = web::post;
    let mut rows = vec![
        get( "/",                                        Page,  Public,   get_to().to(account::start)),
        get( "/anmelden",                                Page,  Public,   get_to().to(signin::show)),
        post("/anmelden",                                Page,  Public,   post_to().to(signin::submit)),
        get( "/anmelden/niveau",                         Page,  Flow,     get_to().to(signin::level)),
        post("/abmelden",                                Page,  Public,   post_to().to(signin::sign_out)),
        get( "/abgemeldet",                              Page,  Public,   get_to().to(signin::signed_out)),
        get( "/registrieren",                            Page,  Public,   get_to().to(register::start)),
        get( "/registrieren/email",                      Page,  Public,   get_to().to(register::email)),
        post("/registrieren/email",                      Page,  Public,   post_to().to(register::submit_email)),
        get( "/registrieren/code",                       Page,  Public,   get_to().to(register::code)),
        post("/registrieren/code",                       Page,  Public,   post_to().to(register::submit_code)),
        get( "/registrieren/name",                       Page,  Public,   get_to().to(register::name)),
        post("/registrieren/name",                       Page,  Public,   post_to().to(register::submit_name)),
        get( "/registrieren/passwort",                   Page,  Public,   get_to().to(register::password)),
        post("/registrieren/passwort",                   Page,  Public,   post_to().to(register::submit_password)),
        get( "/registrieren/wiederherstellung",          Page,  Public,   get_to().to(register::codes)),
        post("/registrieren/wiederherstellung",          Page,  Public,   post_to().to(register::submit_codes)),
        get( "/registrieren/pruefen",                    Page,  Public,   get_to().to(register::check)),
        post("/registrieren/pruefen",                    Page,  Public,   post_to().to(register::submit_check)),
        get( "/registrieren/fertig",                     Page,  Public,   get_to().to(register::done)),
        get( "/wieder-anmelden",                         Page,  Public,   get_to().to(reset::email)),
        post("/wieder-anmelden",                         Page,  Public,   post_to().to(reset::submit_email)),
        get( "/wieder-anmelden/code",                    Page,  Public,   get_to().to(reset::code)),
        post("/wieder-anmelden/code",                    Page,  Public,   post_to().to(reset::submit_code)),
        get( "/wieder-anmelden/passwort",                Page,  Public,   get_to().to(reset::password)),
        post("/wieder-anmelden/passwort",                Page,  Public,   post_to().to(reset::submit_password)),
        get( "/wieder-anmelden/fertig",                  Page,  Public,   get_to().to(reset::done)),
        get( "/konto",                                   Page,  SignedIn, get_to().to(account::overview)),
        get( "/profil",                                  Page,  SignedIn, get_to().to(account::profile)),
        get( "/dienste",                                 Page,  SignedIn, get_to().to(account::services)),
        post("/profil/sprache",                          Page,  SignedIn, post_to().to(account::submit_language)),
        get( "/profil/angaben",                          Page,  SignedIn, get_to().to(further::further)),
        post("/profil/angaben",                          Page,  SignedIn, post_to().to(further::submit_further)),
        get( "/profil/kontakt",                          Page,  SignedIn, get_to().to(contact::list)),
        get( "/profil/kontakt/neu",                      Page,  SignedIn, get_to().to(contact::new)),
        post("/profil/kontakt/neu",                      Page,  SignedIn, post_to().to(contact::submit_new)),
        get( "/profil/kontakt/codes",                    Page,  SignedIn, get_to().to(contact::codes)),
        post("/profil/kontakt/codes",                    Page,  SignedIn, post_to().to(contact::submit_codes)),
        get( "/profil/kontakt/{id}",                     Page,  SignedIn, get_to().to(contact::edit)),
        post("/profil/kontakt/{id}",                     Page,  SignedIn, post_to().to(contact::submit_edit)),
        get( "/sicherheit",                              Page,  SignedIn, get_to().to(security::overview)),
        get( "/sicherheit/verlauf",                      Page,  SignedIn, get_to().to(security::show_history)),
        post("/sicherheit/sitzungen/beenden",            Page,  SignedIn, post_to().to(security::end_session)),
        post("/sicherheit/sitzungen/andere-beenden",     Page,  SignedIn, post_to().to(security::end_other_sessions)),
        post("/sicherheit/sitzungen/dauer",              Page,  SignedIn, post_to().to(security::choose_idle_limit)),
        get( "/sicherheit/passwort",                     Page,  SignedIn, get_to().to(security::password)),
        post("/sicherheit/passwort",                     Page,  SignedIn, post_to().to(security::submit_password)),
        get( "/sicherheit/codes",                        Page,  SignedIn, get_to().to(security::codes)),
        post("/sicherheit/codes",                        Page,  SignedIn, post_to().to(security::submit_codes)),
        get( "/sicherheit/notfall",                      Page,  SignedIn, get_to().to(security::emergency)),
        post("/sicherheit/notfall",                      Page,  SignedIn, post_to().to(security::submit_emergency)),
        get( "/dienste/{id}/beenden",                    Page,  SignedIn, get_to().to(account::disconnect)),
        post("/dienste/{id}/beenden",                    Page,  SignedIn, post_to().to(account::submit_disconnect)),
        get( "/daten/protokoll",                         Page,  SignedIn, get_to().to(data::protocol)),
        get( "/daten/protokoll.csv",                     Page,  SignedIn, get_to().to(data::protocol_csv)),
        get( "/daten/export",                            Page,  SignedIn, get_to().to(data::export)),
        post("/daten/export",                            Page,  SignedIn, post_to().to(data::submit_export)),
        post("/daten/export/laden",                      Page,  SignedIn, post_to().to(data::fetch_export)),
        get( "/daten/loeschen",                          Page,  SignedIn, get_to().to(data::leave)),
        post("/daten/loeschen",                          Page,  SignedIn, post_to().to(data::submit_leave)),
        get( "/daten/geloescht",                         Page,  Public,   get_to().to(data::left)),
        get( "/daten/rueckkehr",                         Page,  Leaving,  get_to().to(data::returning)),
        post("/daten/rueckkehr",                         Page,  Leaving,  post_to().to(data::submit_returning)),
        get( "/echt",                                    Page,  Public,   get_to().to(notice::show)),
        post("/echt",                                    Page,  Public,   post_to().to(notice::submit)),
        get( "/sprache/{language}",                      Page,  Public,   get_to().to(account::language)),
        get( "/hilfe",                                   Page,  Public,   get_to().to(account::help)),
        get( "/impressum",                               Page,  Public,   get_to().to(account::imprint)),
        get( "/datenschutz",                             Page,  Public,   get_to().to(account::privacy)),
        get( "/barrierefreiheit",                        Page,  Public,   get_to().to(account::accessibility)),
        get( "/einwilligung",                            Page,  SignedIn, get_to().to(oidc::consent::show)),
        post("/einwilligung",                            Page,  SignedIn, post_to().to(oidc::consent::submit)),
        get( "/geraet",                                  Page,  SignedIn, get_to().to(device::show)),
        post("/geraet",                                  Page,  SignedIn, post_to().to(device::submit)),
        get( "/geraet/pruefen",                          Page,  SignedIn, get_to().to(device::check)),
        post("/geraet/pruefen",                          Page,  SignedIn, post_to().to(device::submit_check)),
        get( "/geraet/fertig",                           Page,  Public,   get_to().to(device::done)),
        get( "/geraet/abgelehnt",                        Page,  Public,   get_to().to(device::denied)),
        get( "/weiter",                                  Page,  Flow,     get_to().to(oidc::resume)),
        post("/abbrechen",                               Page,  Flow,     post_to().to(oidc::cancel)),
        get( "/oauth2/authorize",                        Page,  Protocol, get_to().to(oidc::authorize)),
        post("/oauth2/authorize",                        Page,  Protocol, post_to().to(oidc::authorize_by_form)),
        post("/oauth2/par",                              OAuth, Protocol, post_to().to(programs::push)),
        post("/oauth2/device_authorization",             OAuth, Protocol, post_to().to(device::begin)),
        post("/oauth2/token",                            OAuth, Protocol, post_to().to(programs::token)).cross_origin(),
        post("/oauth2/introspect",                       OAuth, Protocol, post_to().to(programs::introspect)),
        post("/oauth2/revoke",                           OAuth, Protocol, post_to().to(programs::revoke)).cross_origin(),
        get( "/oauth2/userinfo",                         OAuth, Protocol, get_to().to(programs::userinfo)).cross_origin(),
        post("/oauth2/userinfo",                         OAuth, Protocol, post_to().to(programs::userinfo_by_post)).cross_origin(),
        get( "/oauth2/logout",                           Page,  Protocol, get_to().to(oidc::logout)),
        post("/oauth2/logout",                           Page,  Protocol, post_to().to(oidc::logout_by_form)),
        post("/oauth2/logout/bestaetigen",               Page,  Public,   post_to().to(oidc::confirm_logout)),
        get( "/oauth2/jwks",                             OAuth, Public,   get_to().to(oidc::jwks)).cross_origin(),
        get( "/.well-known/openid-configuration",        OAuth, Public,   get_to().to(oidc::discovery)).cross_origin(),
        get( "/.well-known/oauth-authorization-server",  OAuth, Public,   get_to().to(oidc::discovery)).cross_origin(),
        get( "/static/{file}",                           Page,  Public,   get_to().to(asset)),
    ];
    if demo {
        rows.push(get("/demo/mail", Page, Public, get_to().to(demo::mail::show)));
    }
    rows
}

/// Registers the table. A method that a path does not have is 405 with `Allow`.
pub fn configure(service: &mut web::ServiceConfig, demo: bool) {
    let (mut formats, mut cross_origin) = (HashMap::new(), HashSet::new());
    let mut paths: Vec<(&'static str, Vec<Row>)> = Vec::new();
    for row in table(demo) {
        formats.insert(row.path, row.format);
        if row.is_cross_origin {
            cross_origin.insert(row.path);
        }
        match paths.iter_mut().find(|(path, _)| *path == row.path) {
            Some((_, rows)) => rows.push(row),
            None => paths.push((row.path, vec![row])),
        }
    }
    // The framework compares a request with one path after the other. Programs call most often, and a path with places is
    // the most expensive to compare.
    paths.sort_by_key(|(path, _)| (path.contains('{'), !path.starts_with("/oauth2/")));
    for (path, rows) in paths {
        let allow = rows.iter().map(|row| row.method).collect::<Vec<_>>().join(", ");
        let mut resource = web::resource(path);
        if cross_origin.contains(path) {
            let methods = allow.clone();
            resource =
                resource.route(web::method(Method::OPTIONS).to(move |request| preflight(request, methods.clone())));
        }
        for row in rows {
            resource = resource.route(row.handler);
        }
        // Pages are small and hold secrets next to what strangers may put into them: only files are compressed.
        let compress = Condition::new(path.starts_with("/static/"), Compress::default());
        service.service(resource.wrap(compress).default_service(web::to(move || {
            let allow = allow.clone();
            async move { HttpResponse::MethodNotAllowed().insert_header(("allow", allow)).finish() }
        })));
    }
    service.app_data(Formats(formats));
    service.app_data(CrossOrigin(cross_origin));
    service.default_service(web::to(|| async { HttpResponse::NotFound().finish() }));
}

/// The stylesheet under the name of its content, and the icon.
async fn asset(file: web::Path<String>) -> HttpResponse {
    let (kind, body) = match format!("/static/{file}").as_str() {
        path if path == *STYLESHEET_PATH => ("text/css; charset=utf-8", STYLESHEET),
        "/static/favicon.svg" => ("image/svg+xml", FAVICON),
        _ => return HttpResponse::NotFound().finish(),
    };
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", "public, max-age=31536000, immutable"));
    response.content_type(kind).body(body)
}
