//! The page on which somebody says from when until when they are away.

use actix_web::HttpResponse;
use askama::Template;
use time::Date;

use crate::account::absence::{self, Absence};
use crate::kernel::calendar::typed_day;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::{Text, moment};
use crate::kernel::time::Timestamp;
use crate::web::caller::{SignedIn, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

type Answer = Result<HttpResponse, Error>;

const PATH: &str = "/profil/abwesenheit";
const FIRST: [&str; 3] = ["von_tag", "von_monat", "von_jahr"];
const LAST: [&str; 3] = ["bis_tag", "bis_monat", "bis_jahr"];

#[derive(Template)]
#[template(path = "account/absence.html")]
struct AbsencePage {
    f: Frame,
    /// What has just been done.
    done: Option<&'static Text>,
    /// What stands there, in words.
    stands: Option<Text>,
    /// The days, in three fields each.
    from: [String; 3],
    until: [String; 3],
    problems: Problems,
}

impl AbsencePage {
    fn new(visitor: &Visitor, known: Option<Absence>) -> Self {
        let (f, language) = (visitor.frame(), visitor.language);
        let t = &language.texts().absence;
        let date = |day| moment::date(language, Timestamp::midnight_in_germany(day));
        let [from, until] = known.map(|one| [fields(one.first), fields(one.last)]).unwrap_or_default();
        Self {
            stands: known.map(|one| t.stands.with("first", date(one.first)).with("last", date(one.last))),
            done: match visitor.query() {
                "erledigt=1" => Some(&t.saved),
                "erledigt=beendet" => Some(&t.ended),
                _ => None,
            },
            from,
            until,
            problems: Problems::none(),
            f,
        }
    }

    /// As somebody has filled it in.
    fn typed(self, form: &Form, problems: Problems) -> Self {
        let typed = |names: [&str; 3]| names.map(|name| form.get(name).to_owned());
        Self { done: None, from: typed(FIRST), until: typed(LAST), problems, ..self }
    }
}

fn fields(day: Date) -> [String; 3] {
    [day.day().to_string(), u8::from(day.month()).to_string(), day.year().to_string()]
}

/// The page for whoever is signed in.
pub async fn show(caller: SignedIn) -> Answer {
    let page = AbsencePage::new(&caller.visitor, standing(&caller).await?);
    caller.visitor.page(&page)
}

/// What they have said and is not over.
async fn standing(caller: &SignedIn) -> Result<Option<Absence>, Error> {
    let app = &caller.visitor.app;
    let known = absence::find(&mut app.read().await?, &caller.session.account_id).await?;
    Ok(known.filter(|known| !known.is_over(app.now())))
}

/// Saves what somebody says, or ends it.
pub async fn submit(caller: SignedIn, form: Form) -> Answer {
    let (done, how) = match form.get("aktion") {
        "speichern" => (save(&caller, &form).await, "1"),
        "beenden" => (end(&caller).await, "beendet"),
        _ => (Err(Error::field("aktion", "choice_unknown")), ""),
    };
    let visitor = &caller.visitor;
    match done {
        Ok(()) => visitor.leave(&format!("{PATH}?erledigt={how}")),
        Err(Error::Invalid(problems)) => {
            let page = AbsencePage::new(visitor, standing(&caller).await?);
            visitor.page_again(&page.typed(&form, visitor.problems(&problems)))
        }
        Err(error) => Err(error),
    }
}

async fn save(caller: &SignedIn, form: &Form) -> Result<(), Error> {
    let day = |names: [&'static str; 3]| {
        let day = typed_day(names.map(|name| form.get(name)));
        day.ok_or(FieldProblem { field: names[0], problem: "date_format" })
    };
    let (first, last) = match (day(FIRST), day(LAST)) {
        (Ok(first), Ok(last)) => (first, last),
        (first, last) => return Err(Error::Invalid([first.err(), last.err()].into_iter().flatten().collect())),
    };
    let mut work = caller.begin().await?;
    let stated = Absence::stated(first, last, absence::day(work.now))?;
    absence::set(&mut work, &caller.session.account_id, stated).await?;
    work.commit().await
}

async fn end(caller: &SignedIn) -> Result<(), Error> {
    let mut work = caller.begin().await?;
    absence::end(&mut work, &caller.session.account_id).await?;
    work.commit().await
}
