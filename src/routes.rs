//! Every URL on one screen: method, path, how its refusals look, who may call it.

use std::collections::{HashMap, HashSet};

use actix_web::http::Method;
use actix_web::middleware::{Compress, Condition};
use actix_web::{HttpResponse, Route, web};

use crate::demo;
use crate::web::cors::{CrossOrigin, preflight};
use crate::web::error::{Format, Formats};
use crate::web::page::{FAVICON, OPTIONS_PATH, SCRIPT, SCRIPT_PATH, STYLESHEET, STYLESHEET_PATH};

/// Who may call a route. The handler asks for the value that proves it; this column is what tests compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    Public,
    /// Needs an authorization request under way in this browser.
    Flow,
    SignedIn,
    /// Needs an officer of a registration desk, signed in at substantial with a passkey.
    Officer,
    /// Needs a member of the organisation that the path names; to everybody else there is nothing.
    Member,
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

fn put(path: &'static str, format: Format, guard: Guard, handler: Route) -> Row {
    Row { method: "PUT", path, format, guard, handler, is_cross_origin: false }
}

fn delete(path: &'static str, format: Format, guard: Guard, handler: Route) -> Row {
    Row { method: "DELETE", path, format, guard, handler, is_cross_origin: false }
}

/// The table. `demo` adds what exists only in a demonstration.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "one row per URL: the whole surface on one screen")]
pub fn table(demo: bool) -> Vec<Row> {
    use Format::{OAuth, Page, Problem};
    use Guard::{Flow, Leaving, Member, Officer, Protocol, Public, SignedIn};
    use crate::account::web::{self as account, further};
    use crate::assurance::web as assurance;
    use crate::data::web as data;
    use crate::notice::web as notice;
    use crate::organisation::web::{acting, area, change, elsewhere, guardian, handover, invitation, leave, list as organisations, machine, member, new as founding};
    use crate::organisation::web::{overview as organisation, protocol as organisation_protocol, prove, revoke, services};
    use crate::organisation::web::desk::{case as organisation_case, counter};
    use crate::organisation::web::mandate::{deed, form as mandate_form, import, list as mandates, one as mandate, worklist};
    use crate::postbox::web::{
        act, api as delivery, attachment, deadlines, feed, list as postbox, one as message, paper, proof, replies, reply, text,
        upload,
    };
    use crate::proofing::web::{case, check, desk, eid, letter, slip, upstream};
    use crate::oidc::web::{self as oidc, device, programs, registration, unchecked};
    use crate::signin::web::{self as signin, blocking, code_app, contact, new_means, partial, passkey, passkeys, recovery, register, reset, security, way_back};
    let get_to = web::get;
    let post_to = web::post;
    let mut rows = vec![
        get( "/",                                        Page,  Public,   get_to().to(account::start)),
        get( "/anmelden",                                Page,  Public,   get_to().to(signin::show)),
        post("/anmelden",                                Page,  Public,   post_to().to(signin::submit)),
        get( "/anmelden/code",                           Page,  Public,   get_to().to(partial::code)),
        post("/anmelden/code",                           Page,  Public,   post_to().to(partial::submit_code)),
        get( "/anmelden/wiederherstellung",              Page,  Public,   get_to().to(partial::recovery)),
        post("/anmelden/wiederherstellung",              Page,  Public,   post_to().to(partial::submit_recovery)),
        get( "/anmelden/freigabe",                       Page,  Public,   get_to().to(recovery::show)),
        post("/anmelden/freigabe",                       Page,  Public,   post_to().to(recovery::send_code)),
        get( "/anmelden/freigabe/code",                  Page,  Public,   get_to().to(recovery::code)),
        post("/anmelden/freigabe/code",                  Page,  Public,   post_to().to(recovery::submit_code)),
        post("/anmelden/freigabe/abbrechen",             Page,  Public,   post_to().to(recovery::cancel)),
        get( "/anmelden/niveau",                         Page,  Flow,     get_to().to(assurance::level)),
        post("/anmelden/niveau/ohne",                    Page,  Flow,     post_to().to(assurance::decline)),
        get( "/anmelden/wahl",                           Page,  SignedIn, get_to().to(acting::show)),
        post("/anmelden/wahl",                           Page,  SignedIn, post_to().to(acting::submit)),
        get( "/anmelden/passkey",                        Page,  Public,   get_to().to(passkey::show)),
        post("/anmelden/passkey",                        Page,  Public,   post_to().to(passkey::submit)),
        get( OPTIONS_PATH,                               Page,  Public,   get_to().to(passkey::options)),
        get( "/anmelden/konto",                          Page,  Public,   get_to().to(upstream::choose)),
        post("/anmelden/konto/{id}",                     Page,  Public,   post_to().to(upstream::leave)),
        get( "/anmelden/konto/{id}/zurueck",             Page,  Public,   get_to().to(upstream::back)),
        post("/anmelden/konto/{id}/abmeldung",           OAuth, Protocol, post_to().to(upstream::logout)),
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
        get( "/registrieren/passkey",                    Page,  Public,   get_to().to(register::passkey)),
        post("/registrieren/passkey",                    Page,  Public,   post_to().to(register::submit_passkey)),
        get( "/registrieren/wiederherstellung",          Page,  Public,   get_to().to(register::codes)),
        post("/registrieren/wiederherstellung",          Page,  Public,   post_to().to(register::submit_codes)),
        get( "/registrieren/pruefen",                    Page,  Public,   get_to().to(register::check)),
        post("/registrieren/pruefen",                    Page,  Public,   post_to().to(register::submit_check)),
        get( "/registrieren/fertig",                     Page,  Public,   get_to().to(register::done)),
        get( "/wieder-anmelden",                         Page,  Public,   get_to().to(way_back::choose)),
        post("/wieder-anmelden",                         Page,  Public,   post_to().to(way_back::submit)),
        get( "/wieder-anmelden/hilfe/{weg}",             Page,  Public,   get_to().to(way_back::help)),
        get( "/wieder-anmelden/abbrechen/{link}",        Page,  Public,   get_to().to(recovery::show_link)),
        post("/wieder-anmelden/abbrechen/{link}",        Page,  Public,   post_to().to(recovery::submit_link)),
        get( "/wieder-anmelden/abgebrochen",             Page,  Public,   get_to().to(recovery::cancelled)),
        get( "/wieder-anmelden/amt",                     Page,  Public,   get_to().to(slip::ask)),
        post("/wieder-anmelden/amt",                     Page,  Public,   post_to().to(slip::submit_ask)),
        get( "/wieder-anmelden/amt/vorgang",             Page,  Public,   get_to().to(slip::show)),
        get( "/wieder-anmelden/amt/freigabe",            Page,  Public,   get_to().to(slip::release)),
        post("/wieder-anmelden/amt/freigabe",            Page,  Public,   post_to().to(slip::submit_release)),
        get( "/wieder-anmelden/ausweis",                 Page,  Public,   get_to().to(eid::recover)),
        post("/wieder-anmelden/ausweis",                 Page,  Public,   post_to().to(eid::submit_recover)),
        get( "/wieder-anmelden/email",                   Page,  Public,   get_to().to(reset::email)),
        post("/wieder-anmelden/email",                   Page,  Public,   post_to().to(reset::submit_email)),
        get( "/wieder-anmelden/code",                    Page,  Public,   get_to().to(reset::code)),
        post("/wieder-anmelden/code",                    Page,  Public,   post_to().to(reset::submit_code)),
        get( "/wieder-anmelden/passwort",                Page,  Public,   get_to().to(reset::password)),
        post("/wieder-anmelden/passwort",                Page,  Public,   post_to().to(reset::submit_password)),
        get( "/wieder-anmelden/nachweis",                Page,  Public,   get_to().to(new_means::prove)),
        post("/wieder-anmelden/nachweis",                Page,  Public,   post_to().to(new_means::submit_code)),
        post("/wieder-anmelden/warten",                  Page,  Public,   post_to().to(new_means::wait)),
        get( "/wieder-anmelden/passkey",                 Page,  Public,   get_to().to(new_means::passkey)),
        post("/wieder-anmelden/passkey",                 Page,  Public,   post_to().to(new_means::submit_passkey)),
        get( "/wieder-anmelden/probieren",               Page,  Public,   get_to().to(new_means::probe)),
        post("/wieder-anmelden/probieren",               Page,  Public,   post_to().to(new_means::submit_probe)),
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
        get( "/identitaet",                              Page,  SignedIn, get_to().to(assurance::identity)),
        get( "/ausweis",                                 Page,  Public,   get_to().to(eid::prepare)),
        post("/ausweis",                                 Page,  Public,   post_to().to(eid::submit_prepare)),
        get( "/ausweis/ohne-pin",                        Page,  Public,   get_to().to(eid::without_pin)),
        get( "/ausweis/oeffnen",                         Page,  Public,   get_to().to(eid::open)),
        get( "/ausweis/token",                           Page,  Public,   get_to().to(eid::token)),
        get( "/ausweis/zurueck",                         Page,  Public,   get_to().to(eid::back)),
        get( "/ausweis/pruefen",                         Page,  SignedIn, get_to().to(eid::check)),
        post("/ausweis/pruefen",                         Page,  SignedIn, post_to().to(eid::submit_check)),
        get( "/identitaet/vor-ort",                      Page,  SignedIn, get_to().to(case::offices)),
        post("/identitaet/vor-ort",                      Page,  SignedIn, post_to().to(case::submit)),
        get( "/identitaet/vor-ort/vorgang",              Page,  SignedIn, get_to().to(case::case)),
        get( "/identitaet/brief",                        Page,  SignedIn, get_to().to(letter::show)),
        post("/identitaet/brief",                        Page,  SignedIn, post_to().to(letter::order)),
        post("/identitaet/brief/code",                   Page,  SignedIn, post_to().to(letter::redeem)),
        get( "/amt",                                     Page,  Officer,  get_to().to(desk::show)),
        post("/amt",                                     Page,  Officer,  post_to().to(desk::submit)),
        get( "/amt/uebung",                              Page,  Officer,  get_to().to(desk::practise)),
        get( "/amt/vertretung",                          Page,  Officer,  get_to().to(guardian::show)),
        post("/amt/vertretung",                          Page,  Officer,  post_to().to(guardian::submit)),
        get( "/amt/vertretung/ende",                     Page,  Officer,  get_to().to(guardian::show_end)),
        post("/amt/vertretung/ende",                     Page,  Officer,  post_to().to(guardian::submit_end)),
        get( "/amt/organisation",                        Page,  Officer,  get_to().to(counter::show)),
        post("/amt/organisation",                        Page,  Officer,  post_to().to(counter::submit)),
        get( "/amt/organisation/{id}",                   Page,  Officer,  get_to().to(counter::check)),
        post("/amt/organisation/{id}",                   Page,  Officer,  post_to().to(counter::confirm)),
        get( "/amt/organisation/{id}/ablehnen",          Page,  Officer,  get_to().to(counter::show_refuse)),
        post("/amt/organisation/{id}/ablehnen",          Page,  Officer,  post_to().to(counter::submit_refuse)),
        post("/amt/organisation/{id}/schliessen",        Page,  Officer,  post_to().to(counter::close)),
        get( "/amt/organisation/{id}/quittung",          Page,  Officer,  get_to().to(counter::receipt)),
        get( "/amt/vorgang/{id}",                        Page,  Officer,  get_to().to(check::show)),
        post("/amt/vorgang/{id}",                        Page,  Officer,  post_to().to(check::compare)),
        post("/amt/vorgang/{id}/bestaetigen",            Page,  Officer,  post_to().to(check::submit)),
        get( "/amt/vorgang/{id}/ablehnen",               Page,  Officer,  get_to().to(desk::show_refuse)),
        post("/amt/vorgang/{id}/ablehnen",               Page,  Officer,  post_to().to(desk::submit_refuse)),
        post("/amt/vorgang/{id}/schliessen",             Page,  Officer,  post_to().to(desk::close)),
        get( "/amt/vorgang/{id}/quittung",               Page,  Officer,  get_to().to(desk::receipt)),
        get( "/organisation",                            Page,  SignedIn, get_to().to(organisations::show)),
        get( "/organisation/neu",                        Page,  SignedIn, get_to().to(founding::name)),
        post("/organisation/neu",                        Page,  SignedIn, post_to().to(founding::submit_name)),
        get( "/organisation/neu/register",               Page,  SignedIn, get_to().to(founding::register)),
        post("/organisation/neu/register",               Page,  SignedIn, post_to().to(founding::submit_register)),
        get( "/organisation/neu/anschrift",              Page,  SignedIn, get_to().to(founding::places)),
        post("/organisation/neu/anschrift",              Page,  SignedIn, post_to().to(founding::submit_places)),
        get( "/organisation/neu/nummer",                 Page,  SignedIn, get_to().to(founding::number)),
        post("/organisation/neu/nummer",                 Page,  SignedIn, post_to().to(founding::submit_number)),
        get( "/organisation/neu/pruefen",                Page,  SignedIn, get_to().to(founding::check)),
        post("/organisation/neu/pruefen",                Page,  SignedIn, post_to().to(founding::submit_check)),
        get( "/organisation/neu/anspruch",               Page,  SignedIn, get_to().to(founding::show_claim)),
        post("/organisation/neu/anspruch",               Page,  SignedIn, post_to().to(founding::submit_claim)),
        get( "/organisation/widerruf",                   Page,  Public,   get_to().to(revoke::show)),
        post("/organisation/widerruf",                   Page,  Public,   post_to().to(revoke::submit)),
        get( "/organisation/rueckkehr/{konto}",          Page,  Public,   get_to().to(elsewhere::back)),
        get( "/organisation/{id}",                       Page,  Member,   get_to().to(organisation::show)),
        get( "/organisation/{id}/register",              Page,  Member,   get_to().to(prove::register)),
        post("/organisation/{id}/register",              Page,  Member,   post_to().to(prove::submit_register)),
        get( "/organisation/{id}/nachweis",              Page,  Member,   get_to().to(elsewhere::show)),
        post("/organisation/{id}/nachweis/{konto}",      Page,  Member,   post_to().to(elsewhere::leave)),
        get( "/organisation/{id}/brief",                 Page,  Member,   get_to().to(prove::letter)),
        post("/organisation/{id}/brief",                 Page,  Member,   post_to().to(prove::order)),
        post("/organisation/{id}/brief/code",            Page,  Member,   post_to().to(prove::redeem)),
        get( "/organisation/{id}/vor-ort",               Page,  Member,   get_to().to(organisation_case::show)),
        post("/organisation/{id}/vor-ort",               Page,  Member,   post_to().to(organisation_case::submit)),
        get( "/organisation/{id}/daten",                 Page,  Member,   get_to().to(change::show)),
        post("/organisation/{id}/daten",                 Page,  Member,   post_to().to(change::submit)),
        get( "/organisation/{id}/schliessen",            Page,  Member,   get_to().to(leave::close)),
        post("/organisation/{id}/schliessen",            Page,  Member,   post_to().to(leave::submit_close)),
        get( "/organisation/{id}/behalten",              Page,  Member,   get_to().to(leave::keep)),
        post("/organisation/{id}/behalten",              Page,  Member,   post_to().to(leave::submit_keep)),
        get( "/sicherheit",                              Page,  SignedIn, get_to().to(security::overview)),
        get( "/sicherheit/verlauf",                      Page,  SignedIn, get_to().to(security::show_history)),
        post("/sicherheit/sitzungen/beenden",            Page,  SignedIn, post_to().to(security::end_session)),
        post("/sicherheit/sitzungen/andere-beenden",     Page,  SignedIn, post_to().to(security::end_other_sessions)),
        post("/sicherheit/sitzungen/dauer",              Page,  SignedIn, post_to().to(security::choose_idle_limit)),
        get( "/sicherheit/passwort",                     Page,  SignedIn, get_to().to(security::password)),
        post("/sicherheit/passwort",                     Page,  SignedIn, post_to().to(security::submit_password)),
        get( "/sicherheit/passwort/entfernen",           Page,  SignedIn, get_to().to(security::remove_password)),
        post("/sicherheit/passwort/entfernen",           Page,  SignedIn, post_to().to(security::submit_remove_password)),
        get( "/sicherheit/codes",                        Page,  SignedIn, get_to().to(security::codes)),
        post("/sicherheit/codes",                        Page,  SignedIn, post_to().to(security::submit_codes)),
        get( "/sicherheit/app",                          Page,  SignedIn, get_to().to(code_app::list)),
        get( "/sicherheit/app/neu",                      Page,  SignedIn, get_to().to(code_app::new)),
        post("/sicherheit/app/neu",                      Page,  SignedIn, post_to().to(code_app::submit_new)),
        get( "/sicherheit/app/verbinden",                Page,  SignedIn, get_to().to(code_app::connect)),
        post("/sicherheit/app/verbinden",                Page,  SignedIn, post_to().to(code_app::submit_connect)),
        get( "/sicherheit/app/geraet",                   Page,  SignedIn, get_to().to(code_app::device)),
        post("/sicherheit/app/geraet",                   Page,  SignedIn, post_to().to(code_app::submit_device)),
        get( "/sicherheit/app/{id}",                     Page,  SignedIn, get_to().to(code_app::remove)),
        post("/sicherheit/app/{id}",                     Page,  SignedIn, post_to().to(code_app::submit_remove)),
        get( "/sicherheit/passkeys",                     Page,  SignedIn, get_to().to(passkeys::list)),
        get( "/sicherheit/passkeys/neu",                 Page,  SignedIn, get_to().to(passkeys::new)),
        post("/sicherheit/passkeys/neu",                 Page,  SignedIn, post_to().to(passkeys::begin)),
        post("/sicherheit/passkeys/anlegen",             Page,  SignedIn, post_to().to(passkeys::finish)),
        get( "/sicherheit/passkeys/probieren",           Page,  SignedIn, get_to().to(passkeys::probe)),
        post("/sicherheit/passkeys/probieren",           Page,  SignedIn, post_to().to(passkeys::submit_probe)),
        get( "/sicherheit/passkeys/{id}",                Page,  SignedIn, get_to().to(passkeys::edit)),
        post("/sicherheit/passkeys/{id}",                Page,  SignedIn, post_to().to(passkeys::rename)),
        get( "/sicherheit/passkeys/{id}/entfernen",      Page,  SignedIn, get_to().to(passkeys::confirm_removal)),
        post("/sicherheit/passkeys/{id}/entfernen",      Page,  SignedIn, post_to().to(passkeys::remove)),
        get( "/sicherheit/ausweise",                     Page,  SignedIn, get_to().to(eid::cards)),
        get( "/sicherheit/ausweise/{id}/entfernen",      Page,  SignedIn, get_to().to(eid::remove)),
        post("/sicherheit/ausweise/{id}/entfernen",      Page,  SignedIn, post_to().to(eid::submit_remove)),
        get( "/sicherheit/konten",                       Page,  SignedIn, get_to().to(upstream::list)),
        get( "/sicherheit/konten/verbinden/{id}",        Page,  SignedIn, get_to().to(upstream::connect)),
        post("/sicherheit/konten/verbinden/{id}",        Page,  SignedIn, post_to().to(upstream::submit_connect)),
        post("/sicherheit/konten/verbinden",             Page,  SignedIn, post_to().to(upstream::submit_link)),
        post("/sicherheit/konten/nachweis",              Page,  SignedIn, post_to().to(upstream::submit_agreed)),
        post("/sicherheit/konten/{id}/nachweis",         Page,  SignedIn, post_to().to(upstream::confirm)),
        post("/sicherheit/konten/{id}/entsperren",       Page,  SignedIn, post_to().to(upstream::unblock)),
        get( "/sicherheit/konten/{id}/entfernen",        Page,  SignedIn, get_to().to(upstream::remove)),
        post("/sicherheit/konten/{id}/entfernen",        Page,  SignedIn, post_to().to(upstream::submit_remove)),
        get( "/sicherheit/zugaenge/{id}/sperren",        Page,  SignedIn, get_to().to(blocking::block)),
        post("/sicherheit/zugaenge/{id}/sperren",        Page,  SignedIn, post_to().to(blocking::submit_block)),
        get( "/sicherheit/zugaenge/{id}/entsperren",     Page,  SignedIn, get_to().to(blocking::unblock)),
        post("/sicherheit/zugaenge/{id}/entsperren",     Page,  SignedIn, post_to().to(blocking::submit_unblock)),
        post("/sicherheit/freigabe/abbrechen",           Page,  SignedIn, post_to().to(recovery::cancel_signed_in)),
        get( "/sicherheit/notfall",                      Page,  SignedIn, get_to().to(security::emergency)),
        post("/sicherheit/notfall",                      Page,  SignedIn, post_to().to(security::submit_emergency)),
        get( "/dienste/{id}/beenden",                    Page,  SignedIn, get_to().to(account::disconnect)),
        post("/dienste/{id}/beenden",                    Page,  SignedIn, post_to().to(account::submit_disconnect)),
        get( "/organisation/{id}/dienste",               Page,  Member,   get_to().to(services::list)),
        get( "/organisation/{id}/dienste/{dienst}/beenden", Page, Member, get_to().to(services::disconnect)),
        post("/organisation/{id}/dienste/{dienst}/beenden", Page, Member, post_to().to(services::submit_disconnect)),
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
        get( "/einladung/{code}",                        Page,  SignedIn, get_to().to(invitation::invited)),
        post("/einladung/{code}",                        Page,  SignedIn, post_to().to(invitation::answer)),
        get( "/organisation/{id}/mitgliedschaft",        Page,  Member,   get_to().to(member::mine)),
        get( "/organisation/{id}/verlassen",             Page,  Member,   get_to().to(member::leave)),
        post("/organisation/{id}/verlassen",             Page,  Member,   post_to().to(member::submit_leave)),
        get( "/organisation/{id}/uebergabe",             Page,  Member,   get_to().to(handover::show)),
        post("/organisation/{id}/uebergabe",             Page,  Member,   post_to().to(handover::submit)),
        get( "/organisation/{id}/mitglieder",            Page,  Member,   get_to().to(member::list)),
        get( "/organisation/{id}/mitglieder/einladen",   Page,  Member,   get_to().to(invitation::invite)),
        post("/organisation/{id}/mitglieder/einladen",   Page,  Member,   post_to().to(invitation::submit_invite)),
        get( "/organisation/{id}/mitglieder/{member}",   Page,  Member,   get_to().to(member::one)),
        post("/organisation/{id}/mitglieder/{member}",   Page,  Member,   post_to().to(member::change)),
        get( "/organisation/{id}/mitglieder/{member}/beenden", Page, Member, get_to().to(member::end)),
        post("/organisation/{id}/mitglieder/{member}/beenden", Page, Member, post_to().to(member::submit_end)),
        get( "/organisation/{id}/einladungen",           Page,  Member,   get_to().to(invitation::list)),
        post("/organisation/{id}/einladungen",           Page,  Member,   post_to().to(invitation::change)),
        get( "/organisation/{id}/bereiche",              Page,  Member,   get_to().to(area::list)),
        post("/organisation/{id}/bereiche",              Page,  Member,   post_to().to(area::change)),
        get( "/organisation/{id}/bereiche/{area}",       Page,  Member,   get_to().to(area::one)),
        post("/organisation/{id}/bereiche/{area}",       Page,  Member,   post_to().to(area::change_one)),
        get( "/organisation/{id}/schluessel",            Page,  Member,   get_to().to(machine::list)),
        get( "/organisation/{id}/schluessel/neu",        Page,  Member,   get_to().to(machine::new)),
        post("/organisation/{id}/schluessel/neu",        Page,  Member,   post_to().to(machine::make)),
        get( "/organisation/{id}/schluessel/{key}",      Page,  Member,   get_to().to(machine::one)),
        post("/organisation/{id}/schluessel/{key}",      Page,  Member,   post_to().to(machine::change)),
        get( "/organisation/{id}/protokoll",             Page,  Member,   get_to().to(organisation_protocol::show)),
        get( "/organisation/{id}/protokoll.csv",         Page,  Member,   get_to().to(organisation_protocol::table)),
        get( "/mandate",                                 Page,  SignedIn, get_to().to(worklist::show)),
        get( "/vollmachten",                             Page,  SignedIn, get_to().to(mandates::show)),
        get( "/vollmachten/neu",                         Page,  SignedIn, get_to().to(mandate_form::offer)),
        post("/vollmachten/neu",                         Page,  SignedIn, post_to().to(mandate_form::submit_offer)),
        get( "/vollmachten/anfragen",                    Page,  SignedIn, get_to().to(mandate_form::ask)),
        post("/vollmachten/anfragen",                    Page,  SignedIn, post_to().to(mandate_form::submit_ask)),
        get( "/vollmachten/{vollmacht}",                 Page,  SignedIn, get_to().to(mandate::show)),
        post("/vollmachten/{vollmacht}",                 Page,  SignedIn, post_to().to(mandate::submit)),
        get( "/vollmachten/{vollmacht}/weitergeben",     Page,  SignedIn, get_to().to(mandate_form::pass_on)),
        post("/vollmachten/{vollmacht}/weitergeben",     Page,  SignedIn, post_to().to(mandate_form::submit_pass_on)),
        get( "/vollmachten/{vollmacht}/urkunde",         Page,  SignedIn, get_to().to(deed::show)),
        get( "/organisation/{id}/vollmachten",           Page,  Member,   get_to().to(mandates::show)),
        get( "/organisation/{id}/vollmachten/neu",       Page,  Member,   get_to().to(mandate_form::offer)),
        post("/organisation/{id}/vollmachten/neu",       Page,  Member,   post_to().to(mandate_form::submit_offer)),
        get( "/organisation/{id}/vollmachten/anfragen",  Page,  Member,   get_to().to(mandate_form::ask)),
        post("/organisation/{id}/vollmachten/anfragen",  Page,  Member,   post_to().to(mandate_form::submit_ask)),
        get( "/organisation/{id}/vollmachten/import",    Page,  Member,   get_to().to(import::show)),
        post("/organisation/{id}/vollmachten/import",    Page,  Member,   post_to().to(import::submit)),
        get( "/organisation/{id}/vollmachten/{vollmacht}", Page,  Member,   get_to().to(mandate::show)),
        post("/organisation/{id}/vollmachten/{vollmacht}", Page,  Member,   post_to().to(mandate::submit)),
        get( "/organisation/{id}/vollmachten/{vollmacht}/weitergeben", Page,  Member,   get_to().to(mandate_form::pass_on)),
        post("/organisation/{id}/vollmachten/{vollmacht}/weitergeben", Page,  Member,   post_to().to(mandate_form::submit_pass_on)),
        get( "/organisation/{id}/vollmachten/{vollmacht}/urkunde", Page,  Member,   get_to().to(deed::show)),
        get( "/postfach",                                Page,  SignedIn, get_to().to(postbox::show)),
        get( "/postfach/fristen",                        Page,  SignedIn, get_to().to(deadlines::show)),
        get( "/postfach/kalender",                       Page,  SignedIn, get_to().to(feed::show)),
        post("/postfach/kalender",                       Page,  SignedIn, post_to().to(feed::submit)),
        get( "/kalender/{geheimnis}.ics",                Page,  Public,   get_to().to(feed::file)),
        get( "/postfach/papier",                         Page,  SignedIn, get_to().to(paper::show)),
        post("/postfach/papier",                         Page,  SignedIn, post_to().to(paper::submit)),
        get( "/postfach/{nachricht}",                    Page,  SignedIn, get_to().to(message::show)),
        post("/postfach/{nachricht}/oeffnen",            Page,  SignedIn, post_to().to(act::open)),
        get( "/postfach/{nachricht}/text",               Page,  SignedIn, get_to().to(text::show)),
        get( "/postfach/{nachricht}/anlagen/{anlage}",   Page,  SignedIn, get_to().to(attachment::show)),
        post("/postfach/{nachricht}/bestaetigen",        Page,  SignedIn, post_to().to(act::acknowledge)),
        post("/postfach/{nachricht}/archiv",             Page,  SignedIn, post_to().to(act::archive)),
        post("/postfach/{nachricht}/zurueck",            Page,  SignedIn, post_to().to(act::put_back)),
        get( "/postfach/{nachricht}/loeschen",           Page,  SignedIn, get_to().to(act::confirm_delete)),
        post("/postfach/{nachricht}/loeschen",           Page,  SignedIn, post_to().to(act::delete)),
        get( "/postfach/{nachricht}/nachweis.jwt",       Page,  SignedIn, get_to().to(proof::token)),
        get( "/postfach/{nachricht}/nachweis.pdf",       Page,  SignedIn, get_to().to(proof::page)),
        get( "/postfach/{nachricht}/frist.ics",          Page,  SignedIn, get_to().to(deadlines::calendar)),
        get( "/postfach/{nachricht}/antwort",            Page,  SignedIn, get_to().to(reply::form::show)),
        post("/postfach/{nachricht}/antwort",            Page,  SignedIn, post_to().to(reply::form::submit)),
        get( "/postfach/{nachricht}/antwort/pruefen",    Page,  SignedIn, get_to().to(reply::check::show)),
        post("/postfach/{nachricht}/antwort/pruefen",    Page,  SignedIn, post_to().to(reply::check::submit)),
        get( "/postfach/{nachricht}/antwort/{antwort}",  Page,  SignedIn, get_to().to(reply::sent::show)),
        get( "/postfach/{nachricht}/antwort/{antwort}/nachweis", Page, SignedIn, get_to().to(reply::sent::receipt)),
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
        get( "/dienst/pruefen",                          Page,  SignedIn, get_to().to(unchecked::show)),
        post("/dienst/pruefen",                          Page,  SignedIn, post_to().to(unchecked::submit)),
        get( "/dienst/{id}/logo",                        Page,  SignedIn, get_to().to(registration::logo)),
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
        post("/oauth2/register",                         OAuth, Protocol, post_to().to(registration::register)),
        get( "/oauth2/register/{id}",                    OAuth, Protocol, get_to().to(registration::show)),
        put( "/oauth2/register/{id}",                    OAuth, Protocol, web::put().to(registration::change)),
        delete("/oauth2/register/{id}",                  OAuth, Protocol, web::delete().to(registration::delete)),
        get( "/oauth2/logout",                           Page,  Protocol, get_to().to(oidc::logout)),
        post("/oauth2/logout",                           Page,  Protocol, post_to().to(oidc::logout_by_form)),
        post("/oauth2/logout/bestaetigen",               Page,  Public,   post_to().to(oidc::confirm_logout)),
        get( "/oauth2/jwks",                             OAuth, Public,   get_to().to(oidc::jwks)).cross_origin(),
        get( "/.well-known/openid-configuration",        OAuth, Public,   get_to().to(oidc::discovery)).cross_origin(),
        get( "/.well-known/oauth-authorization-server",  OAuth, Public,   get_to().to(oidc::discovery)).cross_origin(),
        get( "/static/{file}",                           Page,  Public,   get_to().to(asset)),
        post("/api/postbox/v1/messages",                 Problem, Protocol, post_to().to(delivery::deliver)),
        post("/api/postbox/v1/attachments",              Problem, Protocol, post_to().to(upload::take)),
        get( "/api/postbox/v1/messages/{id}",            Problem, Protocol, get_to().to(delivery::show)),
        get( "/api/postbox/v1/messages/{id}/replies",    Problem, Protocol, get_to().to(replies::list)),
        get( "/api/postbox/v1/replies/{id}",             Problem, Protocol, get_to().to(replies::show)),
        post("/api/postbox/v1/batches",                  Problem, Protocol, post_to().to(delivery::batch)),
        get( "/api/postbox/v1/events",                   Problem, Protocol, get_to().to(delivery::events)),
        post("/api/postbox/v1/events/taken",             Problem, Protocol, post_to().to(delivery::take)),
        post("/api/postbox/v1/computations",             Problem, Protocol, post_to().to(delivery::compute)),
        get( "/api/postbox/v1/receipt-keys",             Problem, Public,   get_to().to(delivery::receipt_keys)),
        get( "/api/postbox/v1/openapi.json",             Problem, Public,   get_to().to(delivery::description)),
    ];
    if demo {
        rows.push(get("/demo/mail", Page, Public, get_to().to(demo::mail::show)));
        rows.push(get("/demo/briefe", Page, Public, get_to().to(demo::letters::show)));
        rows.push(get("/demo/briefe/{id}", Page, Public, get_to().to(demo::letters::file)));
        rows.push(get("/demo/codegeraet", Page, Public, get_to().to(demo::code_device::show)));
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

/// Stylesheet and script under the name of their content, and the icon.
async fn asset(file: web::Path<String>) -> HttpResponse {
    let (kind, body) = match format!("/static/{file}").as_str() {
        path if path == *STYLESHEET_PATH => ("text/css; charset=utf-8", STYLESHEET),
        path if path == *SCRIPT_PATH => ("text/javascript; charset=utf-8", SCRIPT),
        "/static/favicon.svg" => ("image/svg+xml", FAVICON),
        _ => return HttpResponse::NotFound().finish(),
    };
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", "public, max-age=31536000, immutable"));
    response.content_type(kind).body(body)
}
