//! Pages: what every template shows around its content, and the answer it becomes.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::HeaderValue;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::account::{AttributeName, Source};
use crate::app::AppParts;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::level::Level;
use crate::kernel::secret::{hex, sha256};
use crate::kernel::texts::{Language, Text, Texts};

pub const STYLESHEET: &str = include_str!("../../static/nutzerkonto.css");
pub const FAVICON: &str = include_str!("../../static/favicon.svg");

/// The stylesheet's address changes with its content, so that browsers may keep it for ever.
pub static STYLESHEET_PATH: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let hash = hex(&sha256(STYLESHEET.as_bytes())[..6]);
    format!("/static/nutzerkonto.{hash}.css")
});

/// What stands around every page.
pub struct Frame {
    pub t: &'static Texts,
    pub lang: &'static str,
    pub other_language: &'static str,
    pub language_link: String,
    pub css: String,
    /// The anti-forgery value of this browser's forms.
    pub csrf: String,
    /// `?vorgang=...` inside a flow, otherwise empty.
    pub q: String,
    /// The service one is on the way to.
    pub service: Option<String>,
    /// Whether it is on a device, and not where this browser came from.
    pub device: bool,
    pub signed_in: bool,
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
            csrf: String::new(),
            q: String::new(),
            service: None,
            device: false,
            signed_in: false,
            banner: app.config.operator.banner.clone(),
            contact: app.config.operator.contact.clone(),
            operator: app.config.operator.name.clone(),
            demo: app.config.demo,
            here: path.to_owned(),
        }
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
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let Some(uri) = form_action else { return Ok(HeaderValue::from_static(policy)) };
    // Section 2.3.1: a source has no query, and what separates sources is written as an escape. Registered URIs hold no ';'.
    let uri = uri.split('?').next().unwrap_or_default().replace(',', "%2C");
    HeaderValue::from_str(&format!("{policy}; form-action {uri}")).map_err(Error::broken)
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
        "changed_elsewhere" => &p.changed_elsewhere,
        "codes_not_kept" => &p.codes_not_kept,
        "device_code_missing" => &p.device_code_missing,
        "device_code_wrong" => &p.device_code_wrong,
        "check_code_missing" => &p.check_code_missing,
        _ => &p.code_wrong,
    }
}

pub fn level_name(t: &Texts, level: Level) -> String {
    let text = match level {
        Level::Basic => &t.level.basic,
        Level::Low => &t.level.low,
        Level::Substantial => &t.level.substantial,
        Level::High => &t.level.high,
    };
    text.to_string()
}

pub fn source_name(t: &Texts, source: Source) -> &str {
    match source {
        Source::SelfAsserted => t.source.self_asserted.as_str(),
    }
}

pub fn attribute_label(t: &Texts, name: AttributeName) -> String {
    name.label(t).to_string()
}

/// A value as people read it: dates, countries and the like in words, everything else as it is.
pub fn attribute_value(language: Language, name: AttributeName, value: &str) -> String {
    let t = language.texts();
    let words = match name {
        AttributeName::BirthDate => birth_date(language, value),
        AttributeName::Country => country_name(language, value).map(str::to_owned),
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
    countries(language).find(|(known, _)| *known == code).map(|(_, name)| name)
}

pub fn gender_name<'a>(t: &'a Texts, value: &str) -> Option<&'a Text> {
    match value {
        "female" => Some(&t.further.gender_female),
        "male" => Some(&t.further.gender_male),
        "diverse" => Some(&t.further.gender_diverse),
        _ => None,
    }
}

/// `1987-03-27` as `27. März 1987`.
pub fn birth_date(language: Language, value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?.parse::<usize>().ok()?, parts.next()?.parse::<u8>().ok()?);
    let month = language.texts().moment.months.as_str().split(' ').nth(month.checked_sub(1)?)?;
    let dot = if language == Language::De { "." } else { "" };
    Some(format!("{day}{dot} {month} {year}"))
}
