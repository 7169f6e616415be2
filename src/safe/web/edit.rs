//! Changing what a document is called, where it lies, and when it expires.

use actix_web::HttpRequest;
use askama::Template;
use time::Date;

use super::{Answer, At, document_of};
use crate::kernel::calendar::typed_day;
use crate::kernel::error::{Error, FieldProblem};
use crate::safe::{Document, Filing, Label, change};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

const DAY: [&str; 3] = ["ablauf_tag", "ablauf_monat", "ablauf_jahr"];

#[derive(Template)]
#[template(path = "safe/edit.html")]
struct EditPage {
    f: Frame,
    id: String,
    title: String,
    name: String,
    folder: String,
    /// The folders that there are, to choose from.
    folders: Vec<String>,
    tags: String,
    tags_hint: String,
    /// The day, in three fields.
    expires: [String; 3],
    problems: Problems,
}

/// What stands in the form.
struct Typed {
    name: String,
    folder: String,
    tags: String,
    day: [String; 3],
}

impl Typed {
    fn of_document(Document { filing, expires_on, .. }: &Document) -> Self {
        let number = |of: fn(Date) -> String| expires_on.map(of).unwrap_or_default();
        Self {
            name: filing.name.clone(),
            folder: filing.folder.clone(),
            tags: filing.tags.join(", "),
            day: [
                number(|day| day.day().to_string()),
                number(|day| u8::from(day.month()).to_string()),
                number(|day| day.year().to_string()),
            ],
        }
    }

    fn of_form(form: &Form) -> Self {
        let text = |name: &str| form.get(name).to_owned();
        Self { name: text("name"), folder: text("ordner"), tags: text("schlagwoerter"), day: DAY.map(text) }
    }

    /// What somebody means by it; everything that is wrong with it at once.
    fn read(&self, document: &Document) -> Result<(Filing, Option<Date>), Vec<FieldProblem>> {
        let filing = Filing::parse(&self.name, document.kind, &self.folder, &self.tags);
        let typed = self.day.each_ref().map(String::as_str);
        let is_empty = typed.iter().all(|text| text.trim().is_empty());
        let day = typed_day(typed);
        let mut problems = Vec::new();
        if day.is_none() && !is_empty {
            problems.push(FieldProblem { field: DAY[0], problem: "date_format" });
        }
        match filing {
            Ok(filing) if problems.is_empty() => Ok((filing, day)),
            Ok(_) => Err(problems),
            Err(others) => Err([others, problems].concat()),
        }
    }
}

async fn page(at: &At, document: &Document, typed: Typed, problems: &[FieldProblem]) -> Result<EditPage, Error> {
    let visitor = &at.caller.visitor;
    let tx = &mut visitor.app.read().await?;
    let key = at.key(tx).await?;
    Ok(EditPage {
        f: visitor.frame(),
        id: document.id.to_string(),
        title: document.filing.name.clone(),
        name: typed.name,
        folder: typed.folder,
        folders: at.keeper.labels(tx, &key, Label::Folder).await?,
        tags: typed.tags,
        tags_hint: at.tags_hint(),
        expires: typed.day,
        problems: visitor.problems(problems),
    })
}

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let visitor = &at.caller.visitor;
    let (document, _) = at.find(&mut visitor.app.read().await?, &document_of(&request)?).await?;
    at.keeper.require_keeping()?;
    visitor.page(&page(&at, &document, Typed::of_document(&document), &[]).await?)
}

pub async fn submit(at: At, request: HttpRequest, form: Form) -> Answer {
    let (visitor, id) = (&at.caller.visitor, document_of(&request)?);
    let (document, _) = at.find(&mut visitor.app.read().await?, &id).await?;
    let typed = Typed::of_form(&form);
    let changed = match typed.read(&document) {
        Ok((filing, expires_on)) => {
            change::change(&visitor.app, &at.keeper, (&id, filing, expires_on), at.request()).await
        }
        Err(problems) => Err(Error::Invalid(problems)),
    };
    match changed {
        Ok(()) => at.back_to(&format!("/safe/{id}"), "geaendert"),
        Err(Error::Invalid(problems)) => visitor.page_again(&page(&at, &document, typed, &problems).await?),
        Err(error) => Err(error),
    }
}
