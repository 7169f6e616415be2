//! The steps of the random walks of B03: each does one thing, right or wrong, and compares what came back with
//! the model.

use crate::security_model::{Code, Model, Registration, Reset, Walker};
use crate::support::browser::Answer;
use crate::support::surface::urls;

impl Walker<'_> {
    pub fn some_address(&mut self) -> String {
        let stranger = format!("fremd-{}@example.org", self.seed);
        self.dice.pick(&[self.own.as_str(), &self.own, &self.victim, &stranger]).to_owned()
    }

    fn some_code(&mut self, right: Option<&String>, willing: bool) -> String {
        match right {
            Some(right) if willing => right.clone(),
            _ if !self.stray.is_empty() && self.dice.percent(70) => {
                let place = self.dice.below(self.stray.len());
                self.stray[place].clone()
            }
            _ => self.dice.pick(&["000000", "", "abcdef", "999999"]).to_owned(),
        }
    }

    fn some_password(&mut self, willing: bool) -> (String, bool) {
        if willing || self.dice.percent(50) {
            self.number += 1;
            return (format!("gondel-wolke-rabe-{}-{}", self.seed, self.number), true);
        }
        (self.dice.pick(&["", "kurz", "passwortpasswort"]).to_owned(), false)
    }

    pub async fn begin_registration(&mut self, email: &str) {
        self.retire_codes();
        let answer = self.post("/registrieren/email", &[("email", email)]).await;
        self.assert_outcome(&answer, answer.status == 303, true);
        let known = self.model.accounts.contains_key(email);
        let code = if known { None } else { Some(self.mailed_code(email).await) };
        let code = Code::new(code);
        self.model.registration = Some(Registration { email: email.to_owned(), code, ..Registration::default() });
    }

    fn retire_codes(&mut self) {
        let registration = self.model.registration.as_ref().and_then(|one| one.code.right.clone());
        let reset = self.model.reset.as_ref().and_then(|one| one.code.right.clone());
        self.stray.extend(registration.into_iter().chain(reset));
    }

    pub async fn registration_code(&mut self, willing: bool) {
        let right = self.model.registration.as_ref().and_then(|one| one.code.right.clone());
        let typed = self.some_code(right.as_ref(), willing);
        let answer = self.post("/registrieren/code", &[("code", &typed)]).await;
        let allowed = self.model.registration.as_mut().is_some_and(|one| one.code.accepts(&typed));
        self.assert_outcome(&answer, answer.status == 303, allowed);
    }

    pub async fn name(&mut self, willing: bool) {
        let family = if willing { "Muster" } else { self.dice.pick(&["", "<b>", "Muster"]) };
        let person = [("given_names", "Anna"), ("family_name", family)];
        let birth = [("birth_day", "12"), ("birth_month", "5"), ("birth_year", "1959")];
        let answer = self.post("/registrieren/name", &[person.as_slice(), &birth].concat()).await;
        let allowed = family == "Muster" && self.model.registration.as_ref().is_some_and(|one| one.code.confirmed);
        self.assert_outcome(&answer, answer.status == 303, allowed);
        if let Some(registration) = self.model.registration.as_mut().filter(|_| allowed) {
            registration.named = true;
        }
    }

    pub async fn registration_password(&mut self, willing: bool) {
        let (password, good) = self.some_password(willing);
        let answer = self.post("/registrieren/passwort", &[("password", &password)]).await;
        let allowed = good && self.model.registration.as_ref().is_some_and(|one| one.named);
        self.assert_outcome(&answer, answer.status == 303, allowed);
        if let Some(registration) = self.model.registration.as_mut().filter(|_| allowed) {
            registration.password = Some(password);
        }
    }

    pub async fn keep(&mut self, willing: bool) {
        let kept = if willing { "ja" } else { self.dice.pick(&["nein", "", "ja"]) };
        let answer = self.post("/registrieren/wiederherstellung", &[("kept", kept)]).await;
        let allowed = kept == "ja" && self.model.registration.as_ref().is_some_and(|one| one.password.is_some());
        self.assert_outcome(&answer, answer.status == 303, allowed);
        if let Some(registration) = self.model.registration.as_mut().filter(|_| allowed) {
            registration.kept = true;
        }
    }

    pub async fn finish(&mut self) {
        let answer = self.post("/registrieren/pruefen", &[]).await;
        let ready = self.model.registration.take_if(|one| one.kept);
        let Some(registration) = ready else {
            return self.assert_outcome(&answer, answer.status == 303, false);
        };
        let free = !self.model.accounts.contains_key(&registration.email);
        self.assert_outcome(&answer, answer.status == 303, free);
        if free {
            self.model.signed_in = Some(registration.email.clone());
            self.model.accounts.insert(registration.email, registration.password.unwrap());
        } else {
            self.model.registration = Some(registration);
        }
    }

    pub async fn begin_reset(&mut self, email: &str) {
        self.retire_codes();
        let answer = self.post("/wieder-anmelden/email", &[("email", email)]).await;
        self.assert_outcome(&answer, answer.status == 303, true);
        let known = self.model.accounts.contains_key(email);
        let code = if known { Some(self.mailed_code(email).await) } else { None };
        self.model.reset = Some(Reset { email: email.to_owned(), code: Code::new(code) });
    }

    pub async fn reset_code(&mut self, willing: bool) {
        let right = self.model.reset.as_ref().and_then(|one| one.code.right.clone());
        let typed = self.some_code(right.as_ref(), willing);
        let answer = self.post("/wieder-anmelden/code", &[("code", &typed)]).await;
        let allowed = self.model.reset.as_mut().is_some_and(|one| one.code.accepts(&typed));
        self.assert_outcome(&answer, answer.status == 303, allowed);
    }

    pub async fn reset_password(&mut self, willing: bool) {
        let (password, good) = self.some_password(willing);
        let answer = self.post("/wieder-anmelden/passwort", &[("password", &password)]).await;
        let allowed = good && self.model.reset.as_ref().is_some_and(|one| one.code.confirmed);
        self.assert_outcome(&answer, answer.status == 303, allowed);
        if let Some(reset) = self.model.reset.take_if(|_| allowed) {
            // Every session of the account has ended.
            self.model.signed_in.take_if(|email| *email == reset.email);
            self.model.accounts.insert(reset.email, password);
        }
    }

    pub async fn sign_in(&mut self, willing: bool) {
        let email = self.some_address();
        let right = self.model.accounts.get(&email).cloned();
        let others: Vec<&str> = self.model.accounts.values().map(String::as_str).collect();
        let wrong = self.dice.pick(&[&others[..], &["falsch-falsch-falsch", ""]].concat()).to_owned();
        let password = right.clone().filter(|_| willing).unwrap_or(wrong);
        let answer =
            self.post(&format!("/anmelden{}", self.flow()), &[("email", &email), ("password", &password)]).await;
        let allowed = right == Some(password);
        self.assert_outcome(&answer, answer.status == 303, allowed);
        if allowed {
            self.model.signed_in = Some(email);
        }
    }

    /// The browser forgets who it was, and with it everything that was under way.
    pub async fn sign_out(&mut self) {
        self.post("/abmelden", &[]).await;
        self.retire_codes();
        let accounts = std::mem::take(&mut self.model.accounts);
        let consented = std::mem::take(&mut self.model.consented);
        self.model = Model { accounts, consented, ..Model::default() };
        self.get("/anmelden").await;
    }

    fn has_consented(&self) -> bool {
        self.model.signed_in.as_ref().is_some_and(|email| self.model.consented.contains(email))
    }

    fn assert_code(&self, answer: &Answer, allowed: bool) {
        self.assert_outcome(answer, answer.parameter("code").is_some(), allowed);
    }

    pub async fn authorize(&mut self) {
        let answer = self.get(&self.parken.request(&[])).await;
        self.assert_code(&answer, self.has_consented());
        if let Some((_, id)) = answer.location().split_once("vorgang=") {
            self.model.flow = Some(id.to_owned());
        }
    }

    pub async fn resume(&mut self) {
        let answer = self.get(&format!("/weiter{}", self.flow())).await;
        let allowed = self.has_consented() && self.model.flow.is_some();
        self.assert_code(&answer, allowed);
        self.model.flow.take_if(|_| allowed);
    }

    pub async fn consent(&mut self, willing: bool) {
        let word = if willing { "ja" } else { self.dice.pick(&["nein", "", "ja"]) };
        let answer = self.post(&format!("/einwilligung{}", self.flow()), &[("antwort", word)]).await;
        self.assert_code(&answer, false);
        let (Some(email), Some(_)) = (self.model.signed_in.clone(), &self.model.flow) else {
            let refused =
                answer.status == 410 || ["/anmelden", "/weiter"].iter().any(|path| answer.location().starts_with(path));
            return self.assert(refused, answer.status);
        };
        if word == "ja" {
            self.model.consented.insert(email);
        } else {
            self.assert(answer.parameter("error").as_deref() == Some("access_denied"), answer.location());
            self.model.flow = None;
        }
    }

    pub async fn cancel(&mut self) {
        let answer = self.post(&format!("/abbrechen{}", self.flow()), &[]).await;
        self.assert_outcome(&answer, answer.parameter("error").is_some(), self.model.flow.is_some());
        self.model.flow = None;
    }

    pub async fn disconnect(&mut self) {
        let answer = self.post("/dienste/parken/beenden", &[]).await;
        self.assert_outcome(&answer, answer.location().starts_with("/dienste"), self.has_consented());
        if let Some(email) = &self.model.signed_in {
            self.model.consented.remove(email);
        }
    }

    /// Somebody else asks for a code for an account of this walk.
    pub async fn elsewhere(&mut self) {
        let victim = self.victim.clone();
        self.other.get("/wieder-anmelden/email").await;
        self.other.post("/wieder-anmelden/email", &[("email", &victim)]).await;
        let code = self.mailed_code(&victim).await;
        self.stray.push(code);
    }

    pub async fn look_around(&mut self) {
        let pages: Vec<String> = urls().into_iter().filter(|url| url.method == "GET").map(|url| url.path).collect();
        let page = pages[self.dice.below(pages.len())].clone();
        // Whoever is not signed in loses the browser's cookie by this one.
        if page != "/oauth2/logout" {
            let answer = self.get(&format!("{page}{}", self.flow())).await;
            if page == "/weiter" && answer.parameter("code").is_some() {
                self.assert_code(&answer, self.has_consented());
                self.model.flow = None;
            }
        }
    }
}
