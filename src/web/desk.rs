//! Registration desks on pages: the officer at one, and where people find one.

use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::future::LocalBoxFuture;

use super::caller::{SignedIn, Visitor};
use super::form::{Form, parse_pairs};
use crate::kernel::error::Error;
use crate::kernel::texts::Language;
use crate::proofing::office::{self, Office, Officer};

/// An officer at a page of the desk: the right to be there as a value.
pub struct AtDesk {
    pub caller: SignedIn,
    pub officer: Officer,
}

impl FromRequest for AtDesk {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let caller = SignedIn::from_request(request, payload);
        Box::pin(async move {
            let caller = caller.await?;
            let (app, id) = (&caller.visitor.app, &caller.visitor.request_id);
            let officer = Officer::of(&mut app.read().await?, &caller.session, app.now(), id).await?;
            Ok(Self { caller, officer })
        })
    }
}

/// One choice of a list.
pub struct Choice {
    pub value: String,
    pub label: String,
    pub is_chosen: bool,
}

impl AtDesk {
    /// The offices that they act for, as a form offers them.
    pub fn offices(&self, form: &Form) -> Vec<Choice> {
        let office = |office: &Office| Choice {
            value: office.id.0.clone(),
            label: office.name(self.caller.visitor.language).to_owned(),
            is_chosen: form.get("amt") == office.id.0,
        };
        self.officer.offices.iter().map(office).collect()
    }
}

/// An office as people read it.
pub struct OfficeRow {
    pub name: String,
    pub address: String,
    pub hours: String,
    pub accessibility: String,
    pub phone: String,
}

impl OfficeRow {
    fn new(office: &Office, language: Language) -> Self {
        Self {
            name: office.name(language).to_owned(),
            address: format!("{}, {} {}", office.street, office.postal_code, office.locality),
            hours: office.hours.get(language).to_owned(),
            accessibility: office.accessibility.get(language).to_owned(),
            phone: office.phone.clone(),
        }
    }
}

/// The offices that somebody looks for.
pub struct Offices {
    pub wanted: String,
    pub rows: Vec<OfficeRow>,
}

/// Those of `?ort=`, or the first of all.
pub async fn offices_meant(visitor: &Visitor) -> Result<Offices, Error> {
    let pairs = parse_pairs(visitor.query().as_bytes()).unwrap_or_default();
    let wanted = pairs.iter().find(|(name, _)| name == "ort").map_or("", |(_, value)| value.as_str());
    let wanted: String = wanted.chars().take(60).collect();
    let found = office::search(&mut visitor.app.read().await?, &wanted).await?;
    Ok(Offices { wanted, rows: found.iter().map(|office| OfficeRow::new(office, visitor.language)).collect() })
}
