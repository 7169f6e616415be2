//! Pages: what every template shows around its content, and the answer it becomes.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::HeaderValue;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::bar::ActingBar;
use super::problem::document_problem_text;
use crate::account::AttributeName;
use crate::app::AppParts;
use crate::config::Upstream;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::level::Level;
use crate::kernel::secret::{hex, sha256};
use crate::kernel::texts::{Language, ProblemTexts, Text, Texts};

pub const STYLESHEET: &str = include_str!("../../static/nutzerkonto.css");
pub const FAVICON: &str = include_str!("../../static/favicon.svg");

/// The stylesheet's address changes with its content, so that browsers may keep it for ever.
pub static STYLESHEET_PATH: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let hash = hex(&sha256(STYLESHEET.as_bytes())[..6]);
    format!("/static/nutzerkonto.{hash}.css")
});

/// The one script there is: for passkeys, on the pages that need it.
pub const SCRIPT: &str = include_str!("../../static/passkey.js");

pub static SCRIPT_PATH: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let hash = hex(&sha256(SCRIPT.as_bytes())[..6]);
    format!("/static/passkey.{hash}.js")
});

/// Where the script asks for a challenge.
pub const OPTIONS_PATH: &str = "/anmelden/passkey/optionen";

/// What stands around every page.
pub struct Frame {
    pub t: &'static Texts,
    pub lang: &'static str,
    pub other_language: &'static str,
    pub language_link: String,
    pub css: String,
    /// Where the script is, for the pages that have it.
    pub script: &'static str,
    /// The anti-forgery value of this browser's forms.
    pub csrf: String,
    /// `?vorgang=...` inside a flow, otherwise empty.
    pub q: String,
    /// The service one is on the way to.
    pub service: Option<String>,
    /// Whether it is on a device, and not where this browser came from.
    pub device: bool,
    pub signed_in: bool,
    /// For whom somebody acts, if they have a choice.
    pub acting: Option<ActingBar>,
    pub banner: Option<String>,
    pub contact: String,
    pub operator: String,
    pub demo: bool,
    /// The path of this page.
    pub here: String,
}

impl Frame {
    /// A frame that knows nothing of the browser yet.
    pub fn build(app: &AppParts, language: Language, path: &str, query: &str) -> Self {
        let other = if language == Language::De { Language::En } else { Language::De };
        let here = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let back = url::form_urlencoded::Serializer::new(String::new()).append_pair("zurueck", &here).finish();
        Self {
            t: language.texts(),
            lang: language.tag(),
            other_language: other.tag(),
            language_link: format!("/sprache/{}?{back}", other.tag()),
            css: STYLESHEET_PATH.clone(),
            script: SCRIPT_PATH.as_str(),
            csrf: String::new(),
            q: String::new(),
            service: None,
            device: false,
            signed_in: false,
            acting: None,
            banner: app.config.operator.banner.clone(),
            contact: app.config.operator.contact.clone(),
            operator: app.config.operator.name.clone(),
            demo: app.config.demo,
            here: path.to_owned(),
        }
    }
}

/// Another provider that people may sign in with, as a button.
pub struct ProviderButton {
    pub id: String,
    pub name: String,
}

impl ProviderButton {
    /// Those of the settings.
    pub fn all(app: &AppParts, language: Language) -> Vec<Self> {
        Self::some(app, language, false)
    }

    /// Those whose accounts are of organisations.
    pub fn of_organisations(app: &AppParts, language: Language) -> Vec<Self> {
        Self::some(app, language, true)
    }

    fn some(app: &AppParts, language: Language, of_organisations: bool) -> Vec<Self> {
        let is_meant = |one: &&Upstream| one.enabled && one.organisation.is_some() == of_organisations;
        let meant = app.config.upstream.iter().filter(is_meant);
        meant.map(|one| Self { id: one.id.clone(), name: one.title(language).to_owned() }).collect()
    }
}

/// The name of the cookie that holds a language somebody chose.
pub const LANGUAGE_COOKIE: &str = "nk_sprache";

/// The person's own choice, then what the browser says it likes, then German.
pub fn preferred_language(request: &HttpRequest) -> Language {
    chosen_language(request).or_else(|| accepted_language(request)).unwrap_or_default()
}

pub fn chosen_language(request: &HttpRequest) -> Option<Language> {
    request.cookie(LANGUAGE_COOKIE).and_then(|cookie| Language::from_tag(cookie.value()))
}

/// RFC 9110 section 12.5.4; the order counts, weights only when they are zero.
pub fn accepted_language(request: &HttpRequest) -> Option<Language> {
    let header = request.headers().get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let wanted = header.split(',').take(20).filter(|part| !part.replace(' ', "").ends_with(";q=0"));
    wanted.filter_map(|part| Language::from_tag(part.trim().split(';').next()?)).next()
}

/// A cookie of ours: for this host only, not readable by scripts, not sent along with foreign forms.
pub fn cookie(app: &AppParts, name: &str, value: String) -> Cookie<'static> {
    Cookie::build(name.to_owned(), value)
        .path("/")
        .http_only(true)
        .secure(app.config.is_https())
        .same_site(SameSite::Lax)
        .finish()
}

/// `__Host-` binds a cookie to this very host (RFC 6265bis section 4.1.3.2). It needs https, which a
/// loopback address does not have.
pub fn cookie_name(app: &AppParts, name: &'static str) -> String {
    if app.config.is_https() { format!("__Host-{name}") } else { name.to_owned() }
}

/// What a page may load and do (Content Security Policy Level 3). A form that ends in a redirect to a service is followed by
/// the browser, and form-action would count the service's address too; hence it stands only where a form goes to a service
/// itself. Forms of ours carry an anti-forgery value.
pub fn content_policy(form_action: Option<&str>) -> Result<HeaderValue, Error> {
    let policy = POLICY;
    let Some(uri) = form_action else { return Ok(HeaderValue::from_static(policy)) };
    // Section 2.3.1: a source has no query, and what separates sources is written as an escape. Registered URIs hold no ';'.
    let uri = uri.split('?').next().unwrap_or_default().replace(',', "%2C");
    HeaderValue::from_str(&format!("{policy}; form-action {uri}")).map_err(Error::broken)
}

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for a page with the script: this one file runs, and it may ask this one address.
pub fn script_policy(app: &AppParts) -> Result<HeaderValue, Error> {
    let (host, script) = (app.config.host(), SCRIPT_PATH.as_str());
    let policy = format!("{POLICY}; script-src {host}{script}; connect-src {host}{OPTIONS_PATH}");
    HeaderValue::from_str(&policy).map_err(Error::broken)
}

/// Renders a page.
pub fn respond(status: StatusCode, template: &impl Template) -> Result<HttpResponse, Error> {
    let body = template.render().map_err(Error::broken)?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body))
}

/// After a POST: 303, never a code that would repeat the body (RFC 9700 section 4.12).
pub fn redirect(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

/// The problems of a form, as its page shows them.
pub struct Problems {
    list: Vec<ShownProblem>,
}

#[derive(Clone)]
pub struct ShownProblem {
    pub field: &'static str,
    pub text: Text,
}

impl Problems {
    pub const fn none() -> Self {
        Self { list: Vec::new() }
    }

    pub fn new(language: Language, problems: &[FieldProblem]) -> Self {
        let shown =
            |one: &FieldProblem| ShownProblem { field: one.field, text: problem_text(language, one.problem).clone() };
        Self { list: problems.iter().map(shown).collect() }
    }

    /// With what the field of each is called, for sentences that have a place for it.
    pub fn named(mut self, label: impl Fn(&str) -> String) -> Self {
        for shown in &mut self.list {
            shown.text = shown.text.with("label", label(shown.field));
        }
        self
    }

    pub const fn any(&self) -> bool {
        !self.list.is_empty()
    }

    pub fn list(&self) -> impl Iterator<Item = &ShownProblem> {
        self.list.iter()
    }

    pub fn of(&self, field: &str) -> Option<Text> {
        self.list.iter().find(|one| one.field == field).map(|one| one.text.clone())
    }
}

fn problem_text(language: Language, problem: &str) -> &'static Text {
    let p = &language.texts().problem;
    match problem {
        "email_format" => &p.email_format,
        "email_missing" => &p.email_missing,
        "password_missing" => &p.password_missing,
        "password_too_short" => &p.password_too_short,
        "password_too_long" => &p.password_too_long,
        "password_guessable" => &p.password_guessable,
        "password_known" => &p.password_known,
        "address_yours" => &p.address_yours,
        "addresses_enough" => &p.addresses_enough,
        "password_wrong" => &p.password_wrong,
        "wrong_credentials" => &p.wrong_credentials,
        "code_missing" => &p.code_missing,
        "app_code_missing" => &p.app_code_missing,
        "app_code_wrong" => &p.app_code_wrong,
        "recovery_code_missing" => &p.recovery_code_missing,
        "recovery_code_wrong" => &p.recovery_code_wrong,
        "recovery_code_used" => &p.recovery_code_used,
        "way_back_missing" => &p.way_back_missing,
        "code_app_name" => &p.code_app_name,
        "code_apps_enough" => &p.code_apps_enough,
        "code_device_wrong" => &p.code_device_wrong,
        "given_names_missing" => &p.given_names_missing,
        "family_name_missing" => &p.family_name_missing,
        "name_characters" => &p.name_characters,
        "birth_date_format" => &p.birth_date_format,
        "phone_number_format" => &p.phone_number_format,
        "street_address_format" => &p.street_address_format,
        "postal_code_germany" => &p.postal_code_germany,
        "postal_code_format" => &p.postal_code_format,
        "place_characters" => &p.place_characters,
        "country_code" => &p.country_code,
        "nickname_characters" => &p.nickname_characters,
        "web_address_format" => &p.web_address_format,
        "choice_unknown" => &p.choice_unknown,
        "file_number" => &p.file_number,
        "cases_enough" => &p.cases_enough,
        "changed_elsewhere" => &p.changed_elsewhere,
        "codes_not_kept" => &p.codes_not_kept,
        "device_code_missing" => &p.device_code_missing,
        "device_code_wrong" => &p.device_code_wrong,
        "check_code_missing" => &p.check_code_missing,
        "last_way_in" => &p.last_way_in,
        "passkeys_too_few" => &p.passkeys_too_few,
        "code_app_needs_password" => &p.code_app_needs_password,
        "passkey_failed" => &p.passkey_failed,
        "passkey_cancelled" => &p.passkey_cancelled,
        "passkey_known" => &p.passkey_known,
        "passkey_unsupported" => &p.passkey_unsupported,
        "passkey_gone" => &p.passkey_gone,
        "passkey_not_made" => &p.passkey_not_made,
        "passkey_name_missing" => &p.passkey_name_missing,
        "passkey_too_strong" => &p.passkey_too_strong,
        "linked_too_strong" => &p.linked_too_strong,
        "passkeys_enough" => &p.passkeys_enough,
        "acting_missing" => &p.acting_missing,
        _ => proof_problem_text(p, problem),
    }
}

/// The same for the pages on which people prove who they are.
fn proof_problem_text<'a>(p: &'a ProblemTexts, problem: &str) -> &'a Text {
    match problem {
        "case_code_missing" => &p.case_code_missing,
        "case_code_wrong" => &p.case_code_wrong,
        "case_code_expired" => &p.case_code_expired,
        "case_code_of_person" => &p.case_code_of_person,
        "case_own_organisation" => &p.case_own_organisation,
        "case_void" => &p.case_void,
        "case_own" => &p.case_own,
        "case_open_elsewhere" => &p.case_open_elsewhere,
        "check_open" => &p.check_open,
        "check_refused" => &p.check_refused,
        "document_expired" => &p.document_expired,
        "document_date" => &p.document_date,
        "certificate_missing" => &p.certificate_missing,
        "agreement_missing" => &p.agreement_missing,
        "reason_missing" => &p.reason_missing,
        "note_too_long" => &p.note_too_long,
        "note_missing" => &p.note_missing,
        "letter_code_missing" => &p.letter_code_missing,
        "letter_code_wrong" => &p.letter_code_wrong,
        "address_incomplete" => &p.address_incomplete,
        "letters_enough" => &p.letters_enough,
        "letter_under_way" => &p.letter_under_way,
        "order_text" => &p.order_text,
        "order_scope" => &p.order_scope,
        "order_until" => &p.order_until,
        "order_not_seen" => &p.order_not_seen,
        "guardian_same" => &p.guardian_same,
        "guardian_unproven" => &p.guardian_unproven,
        "order_end_not_seen" => &p.order_end_not_seen,
        "guardian_number" => &p.guardian_number,
        _ => organisation_problem_text(p, problem),
    }
}

/// The same for the pages of organisations.
fn organisation_problem_text<'a>(p: &'a ProblemTexts, problem: &str) -> &'a Text {
    match problem {
        "organisation_name" => &p.organisation_name,
        "organisation_form" => &p.organisation_form,
        "organisation_register" => &p.organisation_register,
        "organisation_register_needed" => &p.organisation_register_needed,
        "organisation_court" => &p.organisation_court,
        "organisation_number" => &p.organisation_number,
        "organisation_seat" => &p.organisation_seat,
        "organisation_economic_id" => &p.organisation_economic_id,
        "organisations_enough" => &p.organisations_enough,
        "organisation_letters_enough" => &p.organisation_letters_enough,
        "organisation_changed" => &p.organisation_changed,
        "organisation_overtaken" => &p.organisation_overtaken,
        "paper_future" => &p.paper_future,
        "paper_old" => &p.paper_old,
        "paper_name" => &p.paper_name,
        "paper_form" => &p.paper_form,
        "paper_entry" => &p.paper_entry,
        "paper_seat" => &p.paper_seat,
        "organisation_not_understood" => &p.organisation_not_understood,
        "claim_statement" => &p.claim_statement,
        "claim_open" => &p.claim_open,
        "revocation_code_missing" => &p.revocation_code_missing,
        "revocation_code_wrong" => &p.revocation_code_wrong,
        _ => membership_problem_text(p, problem),
    }
}

/// The same for their members.
fn membership_problem_text<'a>(p: &'a ProblemTexts, problem: &str) -> &'a Text {
    match problem {
        "last_administrator" => &p.last_administrator,
        "last_representative" => &p.last_representative,
        "last_in_organisation" => &p.last_in_organisation,
        "right_missing" => &p.right_missing,
        "handover_open" => &p.handover_open,
        "member_unknown" => &p.member_unknown,
        "area_name" => &p.area_name,
        "area_known" => &p.area_known,
        "areas_enough" => &p.areas_enough,
        "area_rights" => &p.area_rights,
        "rules_enough" => &p.rules_enough,
        "invitations_open" => &p.invitations_open,
        "invitations_enough" => &p.invitations_enough,
        "date_format" => &p.date_format,
        "date_over" => &p.date_over,
        "key_name" => &p.key_name,
        "key_format" => &p.key_format,
        "key_private" => &p.key_private,
        "key_short" => &p.key_short,
        "key_known" => &p.key_known,
        "key_scope_missing" => &p.key_scope_missing,
        "key_one_service" => &p.key_one_service,
        "keys_enough" => &p.keys_enough,
        _ => mandate_problem_text(p, problem),
    }
}

/// The same for mandates.
fn mandate_problem_text<'a>(p: &'a ProblemTexts, problem: &str) -> &'a Text {
    match problem {
        "mandate_actions" => &p.mandate_actions,
        "mandate_service" => &p.mandate_service,
        "mandate_services" => &p.mandate_services,
        "mandate_services_enough" => &p.mandate_services_enough,
        "mandate_from" => &p.mandate_from,
        "mandate_long" => &p.mandate_long,
        "mandate_number" => &p.mandate_number,
        "mandate_self" => &p.mandate_self,
        "mandate_known" => &p.mandate_known,
        "mandates_open" => &p.mandates_open,
        "mandates_enough" => &p.mandates_enough,
        "mandate_more" => &p.mandate_more,
        "mandate_cycle" => &p.mandate_cycle,
        "mandate_import" => &p.mandate_import,
        "mandate_import_header" => &p.mandate_import_header,
        "mandate_import_lines" => &p.mandate_import_lines,
        "mandate_import_quotes" => &p.mandate_import_quotes,
        "mandate_import_columns" => &p.mandate_import_columns,
        "mandate_import_formula" => &p.mandate_import_formula,
        "mandate_import_both" => &p.mandate_import_both,
        "mandate_import_service" => &p.mandate_import_service,
        "mandate_import_twice" => &p.mandate_import_twice,
        "mandate_import_length" => &p.mandate_import_length,
        "mandate_import_two" => &p.mandate_import_two,
        "mandate_import_size" => &p.mandate_import_size,
        "mandate_import_signs" => &p.mandate_import_signs,
        "mandate_import_unknown" => &p.mandate_import_unknown,
        _ => reply_problem_text(p, problem),
    }
}

/// The same for replies to notices.
fn reply_problem_text<'a>(p: &'a ProblemTexts, problem: &str) -> &'a Text {
    match problem {
        "reply_missing" => &p.reply_missing,
        "reply_line" => &p.reply_line,
        "reply_option" => &p.reply_option,
        "reply_date" => &p.reply_date,
        "reply_too_long" => &p.reply_too_long,
        _ => document_problem_text(p, problem),
    }
}

pub fn level_name(t: &Texts, level: Level) -> String {
    level.label(t).to_string()
}

pub fn attribute_label(t: &Texts, name: AttributeName) -> String {
    name.label(t).to_string()
}

/// A value as people read it: dates, countries and the like in words, everything else as it is.
pub fn attribute_value(language: Language, name: AttributeName, value: &str) -> String {
    let t = language.texts();
    let words = match name {
        AttributeName::BirthDate => calendar_date(language, value),
        AttributeName::Country | AttributeName::Nationality => country_name(language, value).map(str::to_owned),
        AttributeName::StreetAddress => Some(value.replace('\n', ", ")),
        AttributeName::Gender => gender_name(t, value).map(Text::to_string),
        _ => None,
    };
    words.unwrap_or_else(|| value.to_owned())
}

/// The countries that a list offers, by code and name, in the order of the language.
pub fn countries(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    let names = language.texts().country.names.as_str().split("; ");
    names.filter_map(|country| country.split_once(' '))
}

fn country_name(language: Language, code: &str) -> Option<&'static str> {
    let others = language.texts().country.others.as_str().split("; ").filter_map(|country| country.split_once(' '));
    countries(language).chain(others).find(|(known, _)| *known == code).map(|(_, name)| name)
}

pub fn gender_name<'a>(t: &'a Texts, value: &str) -> Option<&'a Text> {
    match value {
        "female" => Some(&t.further.gender_female),
        "male" => Some(&t.further.gender_male),
        "diverse" => Some(&t.further.gender_diverse),
        _ => None,
    }
}

/// `1987-03-27` as `27. März 1987`, `1987-03` as `März 1987`.
pub fn calendar_date(language: Language, value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '-');
    let (year, month) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
    let month = language.texts().moment.months.as_str().split(' ').nth(month.checked_sub(1)?)?;
    let Some(day) = parts.next() else { return Some(format!("{month} {year}")) };
    let day = day.parse::<u8>().ok()?;
    let dot = if language == Language::De { "." } else { "" };
    Some(format!("{day}{dot} {month} {year}"))
}
