//! What happens without a request: the outbox, the audit chain, erasing accounts, files, the days of notices, the
//! clean-up, noticing changed clients and keys, forgetting. Every node does it all.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::app::App;
use crate::audit::{head, prune};
use crate::client::registry::Registry;
use crate::data::{closing, inactivity, leaving, objects};
use crate::kernel::error::Error;
use crate::kernel::mail::{Mail, NotSent};
use crate::notice;
use crate::oidc::grant::Grants;
use crate::oidc::{address, backchannel, logout_state};
use crate::organisation;
use crate::postbox::{due, notify, push, returned};
use crate::proofing::letter;
use crate::safe;
use crate::signin::{recovery, session};
use crate::store::outbox::{self, Job, Lane, Tried};
use crate::store::retention;
use crate::store::work::Actor;
use crate::web::memory::Memory;

const OUTBOX_EVERY: Duration = Duration::from_millis(250);
/// Jobs that are claimed, done and concluded together.
const BATCH_MAX: usize = 8;
/// And how many such batches one lane has under way.
const BATCHES_AT_ONCE: usize = 4;
const REGISTRY_EVERY: Duration = Duration::from_millis(500);
/// A revoked key is out on every node within a second.
const KEYS_EVERY: Duration = Duration::from_millis(500);
/// An event is sealed at most a second after it happened.
const AUDIT_EVERY: Duration = Duration::from_millis(500);
const ERASURE_EVERY: Duration = Duration::from_secs(10);
const OBJECTS_EVERY: Duration = Duration::from_secs(10);
const EVENTS_EVERY: Duration = Duration::from_secs(1);
const MEASURE_EVERY: Duration = Duration::from_secs(10);
const DAYS_EVERY: Duration = Duration::from_secs(60);
const CLEANUP_EVERY: Duration = Duration::from_secs(60);

/// The jobs of this process.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

pub fn start(app: App, registry: Registry, memory: Memory, grants: Grants) -> Running {
    let (stop, stopped) = watch::channel(false);
    let tasks = vec![
        outbox(("outbox", Lane::Own), &app, &registry, &stopped),
        outbox(("services", Lane::Services), &app, &registry, &stopped),
        every("registry", REGISTRY_EVERY, stopped.clone(), {
            let (app, registry) = (app.clone(), registry.clone());
            move || {
                let (app, registry, memory, grants) = (app.clone(), registry.clone(), memory.clone(), grants.clone());
                async move {
                    memory.0.sweep(&app.db.changes, app.now());
                    grants.0.sweep(&app.db.changes, app.now());
                    registry.refresh(&app.db, app.now()).await
                }
            }
        }),
        keys(&app, &stopped),
        every("audit", AUDIT_EVERY, stopped.clone(), {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move { head::tend(&app).await }
            }
        }),
        every("erasure", ERASURE_EVERY, stopped.clone(), {
            let app = app.clone();
            move || {
                let app = app.clone();
                async move {
                    // Neither waits for the other.
                    let organisations = closing::tend(&app).await;
                    leaving::tend(&app).await.and(organisations)
                }
            }
        }),
        files(&app, &stopped),
        events(&app, &registry, &stopped),
        days(&app, &stopped),
        every("logouts", MEASURE_EVERY, stopped.clone(), {
            let (app, measured) = (app.clone(), logout_state::Measured::default());
            move || {
                let (app, measured) = (app.clone(), measured.clone());
                async move { measured.measure(&app).await }
            }
        }),
        every("cleanup", CLEANUP_EVERY, stopped, move || {
            let (app, registry) = (app.clone(), registry.clone());
            async move {
                let rows = retention::run(&app.db.aside(), app.now()).await?;
                let events = prune::tend(&app).await?;
                let files = letter::print::tidy(&app).await? + organisation::letter::print::tidy(&app).await?;
                tracing::debug!(rows, events, files, "cleaned up");
                // Neither waits for the other.
                let reminded = recovery::tend(&app).await;
                let organisations = organisation::tend(&app).await;
                let addresses = address::tend(&app, &registry).await;
                inactivity::tend(&app).await.and(reminded).and(organisations).and(addresses)
            }
        }),
    ];
    Running { stop, tasks }
}

impl Running {
    /// Lets the jobs under way finish.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!("a job ended badly: {error}");
            }
        }
    }
}

/// Repeats an act until told to stop. A failure is logged and tried again; it never ends the job.
fn every<F, A>(name: &'static str, pause: Duration, mut stopped: watch::Receiver<bool>, act: A) -> JoinHandle<()>
where
    F: Future<Output = Result<(), Error>> + Send,
    A: Fn() -> F + Send + 'static,
{
    tokio::spawn(async move {
        while !*stopped.borrow() {
            if let Err(error) = act().await {
                tracing::error!(job = name, "{error}");
            }
            drop(tokio::time::timeout(pause, stopped.changed()).await);
        }
    })
}

fn keys(app: &App, stopped: &watch::Receiver<bool>) -> JoinHandle<()> {
    let app = app.clone();
    every("keys", KEYS_EVERY, stopped.clone(), move || {
        let app = app.clone();
        async move { app.keys.refresh(&app.db, &app.vault, app.now()).await }
    })
}

fn files(app: &App, stopped: &watch::Receiver<bool>) -> JoinHandle<()> {
    let app = app.clone();
    every("objects", OBJECTS_EVERY, stopped.clone(), move || {
        let app = app.clone();
        async move { objects::tend(&app).await }
    })
}

fn events(app: &App, registry: &Registry, stopped: &watch::Receiver<bool>) -> JoinHandle<()> {
    let (app, registry) = (app.clone(), registry.clone());
    every("postbox events", EVENTS_EVERY, stopped.clone(), move || {
        let (app, registry) = (app.clone(), registry.clone());
        async move { push::hand_over(&app, &registry).await }
    })
}

/// What is said of notices and documents, and to whoever is back, because a day has come.
fn days(app: &App, stopped: &watch::Receiver<bool>) -> JoinHandle<()> {
    let app = app.clone();
    every("days", DAYS_EVERY, stopped.clone(), move || {
        let app = app.clone();
        async move {
            // Neither waits for the other.
            let documents = safe::due::tend(&app).await;
            let back = returned::tend(&app).await;
            due::tend(&app).await.and(documents).and(back)
        }
    })
}

fn outbox(
    (name, lane): (&'static str, Lane),
    app: &App,
    registry: &Registry,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (app, registry, heard) = (app.clone(), registry.clone(), stopped.clone());
    every(name, OUTBOX_EVERY, stopped.clone(), move || {
        let (app, registry, heard) = (app.clone(), registry.clone(), heard.clone());
        async move { work_outbox(&app, &registry, lane, &heard).await }
    })
}

/// Does what is due until nothing is, or until told to stop. Whoever is slow keeps one place; the others go on. After a
/// failure of the database it takes nothing new and ends with what is under way.
async fn work_outbox(app: &App, registry: &Registry, lane: Lane, stopped: &watch::Receiver<bool>) -> Result<(), Error> {
    // Tasks of their own: one that holds a connection must get on while this one waits for another.
    let (mut under_way, mut outcome) = (JoinSet::new(), Ok(()));
    loop {
        if outcome.is_ok() && !*stopped.borrow() && under_way.len() < BATCHES_AT_ONCE {
            match outbox::claim(&app.db, app.now(), lane, BATCH_MAX).await {
                Ok(jobs) if jobs.is_empty() => {}
                Ok(jobs) => {
                    under_way.spawn(work_on(app.clone(), registry.clone(), jobs));
                    continue;
                }
                Err(error) => outcome = Err(error.into()),
            }
        }
        if under_way.is_empty() {
            return outcome;
        }
        if let Ok(Some(ended)) = tokio::time::timeout(OUTBOX_EVERY, under_way.join_next()).await {
            outcome = outcome.and(ended.map_err(Error::broken).flatten());
        }
    }
}

/// Does jobs at once, beginning in their order, and writes down what has become of them in one transaction.
async fn work_on(app: App, registry: Registry, jobs: Vec<Job>) -> Result<(), Error> {
    let results = join_all(jobs.iter().map(|job| deliver(&app, &registry, job))).await;
    let mut work = app.begin(Actor::System("jobs")).await?;
    let (mut tries, mut told) = (Vec::with_capacity(jobs.len()), Vec::new());
    for (job, result) in jobs.iter().zip(&results) {
        let tried = outbox::conclude(&mut work, job, result).await?;
        if job.kind == backchannel::TELL {
            told.extend(logout_state::note(&mut work, job, &tried).await?);
        }
        if job.kind == notify::MAIL {
            notify::note(&app, &mut work, job, &tried).await?;
        }
        if job.kind == push::TELL {
            push::note(&mut work, job, &tried).await?;
        }
        tries.push((job, tried));
    }
    work.commit().await?;
    for (client, state) in told {
        logout_state::count(client, state);
    }
    for (job, tried) in &tries {
        report(job, tried);
    }
    Ok(())
}

/// Calls the capability that owns this kind of job.
async fn deliver(app: &App, registry: &Registry, job: &Job) -> Result<(), NotSent> {
    let again = |error: Error| NotSent::for_now(error.to_string());
    if job.kind == session::ENDED {
        return backchannel::fan_out(app, registry, job).await.map_err(again);
    }
    if job.kind == push::TELL {
        return push::tell(app, registry, job).await;
    }
    let payload = job.payload(&app.vault).map_err(again)?;
    match job.kind.as_str() {
        notice::MAIL => {
            let mail: Mail = serde_json::from_slice(&payload).map_err(|error| NotSent::for_now(error.to_string()))?;
            app.mailer.send(&mail, app.now(), job.id.as_str()).await
        }
        letter::PRINT => letter::print::print(app, &payload).await.map_err(again),
        organisation::letter::PRINT => organisation::letter::print::print(app, &payload).await.map_err(again),
        notify::WRITE => notify::begin(app, &payload).await.map_err(again),
        notify::MAIL => notify::send(app, job, &payload).await,
        backchannel::TELL => backchannel::tell(app, registry, &payload).await,
        _ => Err(NotSent::for_now("this program does not know the job".to_owned())),
    }
}

fn report(job: &Job, tried: &Tried<'_>) {
    let (id, kind) = (job.id.as_str(), job.kind.clone());
    match tried {
        Tried::Done => {}
        Tried::GivenUp(reason) => {
            tracing::error!(job = id, kind, reason, "given up");
            metrics::counter!("nutzerkonto_jobs_given_up_total", "kind" => kind).increment(1);
        }
        Tried::Again(reason) => {
            tracing::warn!(job = id, kind, reason, attempts = job.attempts, "failed; will be tried again");
            metrics::counter!("nutzerkonto_jobs_failed_total", "kind" => kind).increment(1);
        }
    }
}
