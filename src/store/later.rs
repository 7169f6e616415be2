//! Statements whose outcome nobody waits for: they go to the database together, before the next one that is waited for or before the
//! commit. Going there costs more than most statements do: a round trip to PostgreSQL, two changes of thread for SQLite.
//!
//! SQLite takes them as one text of several statements. PostgreSQL takes them as the parts of one, which run as if at once: none of them sees
//! what another does. So two that touch one table go together only if both put new rows into it or both remove some, and what is put
//! off reads nothing but the row that it changes.

use sqlx::error::BoxDynError;

use super::db::placeholders;

/// So many go together at most.
const TOGETHER_MAX: usize = 16;

/// What is put off, in the order of coming.
#[derive(Default)]
pub struct Later<A> {
    texts: Vec<&'static str>,
    arguments: A,
}

/// How a database takes several statements at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One behind the other.
    Sequence,
    /// All but the last before it, as common table expressions that change something.
    Parts,
}

impl<A: sqlx::Arguments> Later<A> {
    pub const fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether it can go with those that are put off already.
    pub fn takes(&self, text: &str) -> bool {
        let (table, effect) = target(text);
        let is_apart = |other: &&str| {
            let (other, others) = target(other);
            table != other || (effect == others && effect != Effect::Changes)
        };
        self.texts.len() < TOGETHER_MAX && self.texts.iter().all(is_apart)
    }

    /// Puts one off.
    pub fn put(
        &mut self,
        text: &'static str,
        bind: impl FnOnce(&mut A) -> Result<(), BoxDynError>,
    ) -> Result<(), sqlx::Error> {
        self.texts.push(text);
        bind(&mut self.arguments).map_err(sqlx::Error::Encode)
    }

    /// One text for all of them, and its arguments. An error if one of those could not be encoded, whoever has not minded that.
    pub fn take(&mut self, form: Form) -> Result<(String, A), sqlx::Error> {
        let texts = std::mem::take(&mut self.texts);
        let arguments = std::mem::take(&mut self.arguments);
        let places: usize = texts.iter().map(|text| placeholders(text)).sum();
        if arguments.len() != places {
            return Err(sqlx::Error::Protocol("statements that were put off lack arguments".to_owned()));
        }
        Ok((together(&texts, form), arguments))
    }
}

/// What a statement does to its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    PutsNew,
    Removes,
    Changes,
}

fn target(text: &str) -> (&str, Effect) {
    let mut words = text.split_ascii_whitespace();
    let effect = match words.next() {
        Some("INSERT") if !text.contains("ON CONFLICT") => Effect::PutsNew,
        Some("DELETE") => Effect::Removes,
        _ => Effect::Changes,
    };
    let table = words.find(|word| !["INTO", "FROM"].contains(word)).unwrap_or_default();
    (table, effect)
}

fn together(texts: &[&str], form: Form) -> String {
    let mut all = String::with_capacity(texts.iter().map(|text| text.len() + 16).sum());
    let mut places = 0;
    for (number, text) in texts.iter().enumerate() {
        let is_last = number + 1 == texts.len();
        match form {
            Form::Sequence if number > 0 => all.push_str("; "),
            Form::Parts if texts.len() > 1 => {
                all.push_str(if number == 0 {
                    "WITH "
                } else if is_last {
                    " "
                } else {
                    ", "
                });
                if !is_last {
                    all.push_str(&format!("part_{number} AS ("));
                }
            }
            Form::Sequence | Form::Parts => {}
        }
        push_from(&mut all, text, places);
        if form == Form::Parts && !is_last {
            all.push(')');
        }
        places += placeholders(text);
    }
    all
}

/// Appends a statement whose places are counted on from those of the others.
fn push_from(all: &mut String, text: &str, places: usize) {
    let mut parts = text.split('$');
    all.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (number, rest) = part.split_at(part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len()));
        all.push('$');
        all.push_str(
            &number.parse::<usize>().map_or_else(|_| number.to_owned(), |number| (number + places).to_string()),
        );
        all.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Arguments as _;
    use sqlx::sqlite::SqliteArguments;

    use super::*;

    const ONE: &str = "INSERT INTO one (a, b) VALUES ($1, $2)";
    const ANOTHER: &str = "INSERT INTO one (a) VALUES ($1)";
    const OTHER: &str = "DELETE FROM other WHERE id = $1 AND at < $2 + $1";

    #[test]
    fn several_statements_become_one_text() {
        assert_eq!(together(&[ONE], Form::Parts), ONE);
        assert_eq!(
            together(&[ONE, OTHER], Form::Sequence),
            "INSERT INTO one (a, b) VALUES ($1, $2); DELETE FROM other WHERE id = $3 AND at < $4 + $3"
        );
        assert_eq!(
            together(&[ONE, ANOTHER, OTHER], Form::Parts),
            "WITH part_0 AS (INSERT INTO one (a, b) VALUES ($1, $2)), part_1 AS (INSERT INTO one (a) VALUES ($3)) \
             DELETE FROM other WHERE id = $4 AND at < $5 + $4"
        );
    }

    #[test]
    fn what_touches_the_rows_of_another_does_not_go_with_it() {
        let with = |text| {
            let mut later = Later::<SqliteArguments>::default();
            later.put(text, |_| Ok(())).unwrap();
            later
        };
        assert!(
            with(ONE).takes(ANOTHER) && with(ONE).takes(OTHER) && with(OTHER).takes(ONE) && with(OTHER).takes(OTHER)
        );
        for text in
            ["UPDATE one SET a = $1", "DELETE FROM one", "INSERT INTO one (a) VALUES ($1) ON CONFLICT (a) DO NOTHING"]
        {
            assert!(!with(ONE).takes(text) && !with(text).takes(ONE), "{text}");
            assert_eq!(with(text).takes(text), text.starts_with("DELETE"), "{text}");
        }
    }

    #[test]
    fn a_statement_that_lacks_arguments_is_not_sent() {
        let mut later = Later::<SqliteArguments>::default();
        later.put(ONE, |arguments| arguments.add(1)).unwrap();
        later.take(Form::Sequence).unwrap_err();
    }

    #[test]
    fn at_some_point_enough_are_together() {
        let mut later = Later::<SqliteArguments>::default();
        for _ in 0..TOGETHER_MAX {
            assert!(later.takes(ONE));
            later.put(ONE, |_| Ok(())).unwrap();
        }
        assert!(!later.takes(ONE));
    }
}
