//! The page on which a person states, changes and removes what goes beyond their identity.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use askama::Template;

use crate::account::further::{self, COUNTRY_CODE, GENDERS, OTHER_COUNTRY, Stated};
use crate::account::{Account, AttributeName, time_zone};
use crate::kernel::error::{Error, FieldProblem};
use crate::web::caller::{SignedIn, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, countries, gender_name};

type Answer = Result<HttpResponse, Error>;

/// The version of the data that the person had before them; a hidden field of the form.
const SEEN: &str = "stand";

/// What stands in the fields, by their names.
struct Typed(BTreeMap<&'static str, String>);

impl Typed {
    fn of(account: &Account) -> Self {
        let value = |name: AttributeName| Some((name.name(), account.value(name)?.to_owned()));
        Self(AttributeName::further().filter_map(value).collect())
    }

    fn in_form(form: &Form) -> Self {
        let names = AttributeName::further().map(AttributeName::name).chain([COUNTRY_CODE]);
        Self(names.map(|name| (name, form.get(name).to_owned())).collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// One choice of a list.
struct Choice {
    value: &'static str,
    label: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "account/further.html")]
struct FurtherPage {
    f: Frame,
    seen: i64,
    typed: Typed,
    countries: Vec<Choice>,
    genders: Vec<Choice>,
    time_zones: Vec<Choice>,
    problems: Problems,
}

impl FurtherPage {
    fn new(visitor: &Visitor, mut typed: Typed, seen: i64, problems: Problems) -> Self {
        let f = visitor.frame();
        let choice = |name: AttributeName, value: &'static str, label: String| Choice {
            value,
            label,
            is_chosen: typed.get(name.name()) == value,
        };
        let named = countries(visitor.language).map(|(code, name)| (code, name.to_owned()));
        let none = ("", f.t.further.country_none.to_string());
        let other = (OTHER_COUNTRY, f.t.further.country_other.to_string());
        let countries: Vec<Choice> = std::iter::once(none)
            .chain(named)
            .chain([other])
            .map(|(value, label)| choice(AttributeName::Country, value, label))
            .collect();
        let genders = GENDERS.map(|value| {
            let label = gender_name(f.t, value).map_or_else(|| value.to_owned(), ToString::to_string);
            choice(AttributeName::Gender, value, label)
        });
        let nowhere = ("", f.t.further.time_zone_none.to_string());
        let time_zones = std::iter::once(nowhere)
            .chain(time_zone::ALL.map(|zone| (zone, zone.to_owned())))
            .map(|(value, label)| choice(AttributeName::TimeZone, value, label))
            .collect();
        let genders = genders.into();
        let mut page = Self { f, seen, typed: Typed(BTreeMap::new()), countries, genders, time_zones, problems };
        page.choose_other_country(&mut typed);
        page.typed = typed;
        page
    }

    /// A country that the list does not name stands in the field for its code.
    fn choose_other_country(&mut self, typed: &mut Typed) {
        if self.countries.iter().all(|country| !country.is_chosen) {
            let code = typed.get(AttributeName::Country.name()).to_owned();
            typed.0.insert(COUNTRY_CODE, code);
            self.countries.iter_mut().for_each(|country| country.is_chosen = country.value == OTHER_COUNTRY);
        }
    }
}

pub async fn further(caller: SignedIn) -> Answer {
    let (account, visitor) = (caller.fresh_account().await?, &caller.visitor);
    visitor.page(&FurtherPage::new(visitor, Typed::of(&account), account.attribute_version, Problems::none()))
}

pub async fn submit_further(caller: SignedIn, form: Form) -> Answer {
    let visitor = &caller.visitor;
    // No account has the version 0: what our page did not send was overtaken.
    let seen = form.get(SEEN).parse().unwrap_or(0);
    let again = |seen, problems: &[FieldProblem]| {
        visitor.page_again(&FurtherPage::new(visitor, Typed::in_form(&form), seen, visitor.problems(problems)))
    };
    match save(&caller, &form, seen).await {
        Ok(()) => visitor.leave("/profil?erledigt=1"),
        Err(Error::Invalid(problems)) => again(seen, &problems),
        Err(Error::Conflict(_)) => {
            let account = caller.fresh_account().await?;
            again(account.attribute_version, &[FieldProblem { field: SEEN, problem: "changed_elsewhere" }])
        }
        Err(error) => Err(error),
    }
}

async fn save(caller: &SignedIn, form: &Form, seen: i64) -> Result<(), Error> {
    let stated = Stated::read(|name| form.get(name)).map_err(Error::Invalid)?;
    let mut work = caller.begin().await?;
    further::save(&mut work, &caller.visitor.app.vault, &caller.session.account_id, &stated, seen).await?;
    work.commit().await
}
