//! Hours of use in little: learners come, talk, interrupt and leave while the services behind the server die at random.
//! What the server holds must not grow. `PARLA_TEST_SOAK` says for how many seconds, `PARLA_TEST_SEED` repeats a run.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::Mutex,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    runtime::{Builder, Runtime},
    time::sleep,
};

use crate::support::{
    dice::{Dice, given},
    scripted_ollama::{Script, ScriptedOllama},
    scripted_voice::{self, ScriptedVoice},
    server::{Server, Setup, Socket, is_audible, signal},
};

const LEARNERS: u64 = 20;
/// Different answers: more than the memory for sounds holds.
const ANSWERS: u64 = 400;
/// Before each message, at most.
const THOUGHT: Duration = Duration::from_millis(300);
const SAMPLE: Duration = Duration::from_secs(1);
/// What may be more at the end than after the beginning, beside a tenth of it: KiB of memory, open files, and so on.
const SLACK: [(&str, i64); 4] =
    [("memory", 6 * 1024), ("files", 12), ("threads", 6), ("tasks", 12)];

/// How turns have ended, by the frame and its code.
type Ends = Mutex<BTreeMap<String, usize>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as one likes: scripts/soak"]
async fn nothing_grows_while_services_die() {
    let seconds = given("PARLA_TEST_SOAK").unwrap_or(180);
    let seed = given("PARLA_TEST_SEED").unwrap_or(1);
    let until = Instant::now() + Duration::from_secs(seconds);
    let model = ScriptedOllama::start().await;
    let mut voice = MortalVoice::start("127.0.0.1:0".to_owned()).await;
    let server = Setup::new(&model).voice(&voice.voice, "scripted,espeak");
    let server = server.environment("PARLA_LOG", "error,parla::app=debug").start().await;
    let (ends, mut samples) = (Ends::default(), Vec::new());
    let learning = join_all(
        (0..LEARNERS)
            .map(|number| learn(&server, number, Dice::new(seed * 1000 + number), (until, &ends))),
    );
    let scripting = script(&model, Dice::new(seed + 1), until);
    let dying = kill_at_random((&server, &model, &mut voice), Dice::new(seed + 2), until);
    let sampling = sample(&server, until, &mut samples);
    let (_, (), deaths, ()) = tokio::join!(learning, scripting, dying, sampling);
    report(&samples, &deaths, &ends.lock().unwrap());

    model.scene("Is anybody there?", Script::say("All is well that ends well."));
    let last = server.chat(json!({"message": "Is anybody there?", "conversationId": "last"})).await;
    let chunk = &last.json()["chunks"][0];
    assert!(is_audible(&server.get(chunk["audioUrl"].as_str().unwrap()).await.body));
    assert!(ends.lock().unwrap().contains_key("conversation-complete"));
    for (place, (what, slack)) in SLACK.into_iter().enumerate() {
        assert_flat(what, slack, samples.iter().filter_map(|sample| sample[place]).collect());
    }
}

/// One learner's evening: comes, says some things, leaves, comes back.
async fn learn(server: &Server, number: u64, mut dice: Dice, (until, ends): (Instant, &Ends)) {
    while Instant::now() < until {
        let conversation = format!("learner-{number}-{}", dice.below(3));
        let mut socket = server.join(&conversation).await;
        for _ in 0..=dice.below(3) {
            say(&mut socket, &mut dice).await;
            match dice.below(10) {
                0 => break,
                1 | 2 => {
                    sleep(dice.moment(Duration::from_millis(200))).await;
                    socket.send("stop", json!({})).await;
                }
                3 | 4 => {
                    sleep(dice.moment(Duration::from_millis(200))).await;
                    say(&mut socket, &mut dice).await;
                    note(socket.turn().await, ends);
                }
                _ => {}
            }
            note(socket.turn().await, ends);
        }
    }
}

/// After a thought.
async fn say(socket: &mut Socket, dice: &mut Dice) {
    sleep(dice.moment(THOUGHT)).await;
    let chat = json!({"message": format!("Tell me about {}", dice.below(1000)), "stream": true});
    socket.send("chat", chat).await;
}

fn note(frames: Vec<Value>, ends: &Ends) {
    let end = frames.last().unwrap();
    let code = end["data"]["code"].as_str().unwrap_or_default();
    let name = format!("{} {code}", end["type"].as_str().unwrap()).trim_end().to_owned();
    *ends.lock().unwrap().entry(name).or_default() += 1;
}

/// The model says something else every now and then.
async fn script(model: &ScriptedOllama, mut dice: Dice, until: Instant) {
    while Instant::now() < until {
        let number = dice.below(ANSWERS);
        let text = format!("[happy] Here is story {number}. It has a middle. And that is its end.");
        let pace = dice.moment(Duration::from_millis(20));
        model.always(Script::say(&text).paced(pace, pace));
        sleep(Duration::from_millis(50)).await;
    }
}

/// A voice in a runtime of its own: with that all of its connections end.
struct MortalVoice {
    voice: ScriptedVoice,
    address: String,
    body: Option<Runtime>,
}

impl MortalVoice {
    async fn start(address: String) -> Self {
        let body = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let voice = body.spawn(async move {
            let script = scripted_voice::Script::default();
            ScriptedVoice::start_at(&address, script).await.unwrap()
        });
        let voice = voice.await.unwrap();
        let address = voice.url().strip_prefix("http://").unwrap().to_owned();
        Self { voice, address, body: Some(body) }
    }

    async fn die_for(&mut self, time: Duration) {
        self.body.take().unwrap().shutdown_background();
        sleep(time).await;
        *self = Self::start(self.address.clone()).await;
    }
}

impl Drop for MortalVoice {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            body.shutdown_background();
        }
    }
}

async fn kill_at_random(
    (server, model, voice): (&Server, &ScriptedOllama, &mut MortalVoice),
    mut dice: Dice,
    until: Instant,
) -> BTreeMap<&'static str, usize> {
    let mut deaths = BTreeMap::new();
    while Instant::now() < until {
        sleep(dice.moment(Duration::from_secs(4))).await;
        let absence = Duration::from_millis(100) + dice.moment(Duration::from_secs(2));
        let who = match dice.below(3) {
            0 => {
                model.stop().await;
                sleep(absence).await;
                model.start_again().await;
                "model"
            }
            1 => {
                voice.die_for(absence).await;
                "voice"
            }
            _ => {
                let Some(worker) = server.children().await.pop() else { continue };
                signal("-KILL", &worker).await;
                "eSpeak worker"
            }
        };
        *deaths.entry(who).or_default() += 1;
    }
    deaths
}

/// In the order of [`SLACK`]; tasks are told only now and then.
type Sample = [Option<i64>; 4];

async fn sample(server: &Server, until: Instant, samples: &mut Vec<Sample>) {
    let mut told = 0;
    while Instant::now() < until {
        sleep(SAMPLE).await;
        let tasks = server.tasks();
        let new = tasks.last().copied().filter(|_| tasks.len() > told);
        told = tasks.len();
        let memory = server.memory_kib().await;
        samples.push([Some(memory), Some(server.held("fd")), Some(server.held("task")), new]);
    }
}

/// The last quarter is held against the second: by then all is warm.
fn assert_flat(what: &str, slack: i64, values: Vec<i64>) {
    let quarter = values.len() / 4;
    let mean = |part: &[i64]| part.iter().sum::<i64>() / i64::try_from(part.len().max(1)).unwrap();
    let (early, late) = (mean(&values[quarter..2 * quarter]), mean(&values[3 * quarter..]));
    assert!(late <= early + early / 10 + slack, "{what} grew from {early} to {late}: {values:?}");
}

fn report(samples: &[Sample], deaths: &BTreeMap<&str, usize>, ends: &BTreeMap<String, usize>) {
    let mut out = format!("deaths: {deaths:?}\nturns: {ends:?}\n");
    for (place, (what, _)) in SLACK.into_iter().enumerate() {
        let values: Vec<i64> = samples.iter().filter_map(|sample| sample[place]).collect();
        let step = (values.len() / 12).max(1);
        out += &format!("{what}: {:?}\n", values.iter().step_by(step).collect::<Vec<_>>());
    }
    drop(write!(std::io::stderr(), "{out}"));
}
