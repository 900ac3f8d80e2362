//! A stand-in for Ollama on a real socket, as strict as the real one. It has no timing or wording of its own: every
//! byte, wait and break of an answer is scripted.

#![expect(clippy::unwrap_used, reason = "a stand-in that cannot do its part fails the test")]
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test uses another part of it")]

mod pulled;
mod script;
mod tools;
mod wire;

pub use pulled::Pulled;
pub use script::{Script, Step, TOKEN_CHARS};
pub use wire::Request;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use script::Ending;
use serde_json::{Value, json};
use tokio::{
    io::BufReader,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// How long a test waits for what its client should do.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with one model pulled, which says "Ciao!" when nothing is scripted. Dropping it ends all of it.
pub struct ScriptedOllama {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: Mutex<JoinSet<()>>,
}

struct Shared {
    pulled: Mutex<Vec<Pulled>>,
    next: Mutex<VecDeque<Script>>,
    usual: Mutex<Script>,
    /// What can be pulled, and how that goes.
    library: Mutex<HashMap<String, Script>>,
    load_time: Mutex<Duration>,
    /// Answers of one model.
    by_model: Mutex<HashMap<String, Script>>,
    /// Answers to learners whose message has these letters.
    scenes: Mutex<Vec<(String, Script)>>,
    requests: watch::Sender<Vec<Request>>,
    drops: watch::Sender<Vec<Instant>>,
    ends: watch::Sender<Vec<Instant>>,
    open: AtomicUsize,
    connections: AtomicUsize,
}

impl ScriptedOllama {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            pulled: Mutex::new(vec![Pulled::named("llama3.2:latest")]),
            next: Mutex::default(),
            usual: Mutex::new(Script::say("Ciao!")),
            library: Mutex::default(),
            load_time: Mutex::default(),
            by_model: Mutex::default(),
            scenes: Mutex::default(),
            requests: watch::Sender::default(),
            drops: watch::Sender::default(),
            ends: watch::Sender::default(),
            open: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, server: Mutex::new(server) }
    }

    /// What belongs into `OLLAMA_HOST`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces what is pulled.
    pub fn pull(&self, models: impl IntoIterator<Item = Pulled>) {
        *self.shared.pulled.lock().unwrap() = models.into_iter().collect();
    }

    /// Lets that model be pulled; it is there when the script is over.
    pub fn offer(&self, model: &str, pull: Script) {
        self.shared.library.lock().unwrap().insert(model.to_owned(), pull);
    }

    /// How long it takes to load a model into memory.
    pub fn load_takes(&self, time: Duration) {
        *self.shared.load_time.lock().unwrap() = time;
    }

    /// The next answer without a script says this, as fast as the socket takes it.
    pub fn say(&self, text: &str) {
        self.script(Script::say(text));
    }

    /// The next answer without a script follows this one.
    pub fn script(&self, script: Script) {
        self.shared.next.lock().unwrap().push_back(script);
    }

    /// Answers without a script of their own follow this one.
    pub fn always(&self, script: Script) {
        *self.shared.usual.lock().unwrap() = script;
    }

    /// That model answers by this script from now on, where there is no scene.
    pub fn model_always(&self, model: &str, script: Script) {
        self.shared.by_model.lock().unwrap().insert(model.to_owned(), script);
    }

    /// Whoever says this is answered by that script, as often as they like. Only letters count: what else a
    /// message holds reaches a model in another form.
    pub fn scene(&self, learner: &str, script: Script) {
        self.shared.scenes.lock().unwrap().push((letters(learner), script));
    }

    /// Closes the listener and all connections: who comes is refused.
    pub async fn stop(&self) {
        let mut server = std::mem::take(&mut *self.server.lock().unwrap());
        server.shutdown().await;
    }

    /// Listens at the same address again.
    pub async fn start_again(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.server.lock().unwrap().spawn(serve(listener, Arc::clone(&self.shared)));
    }

    /// How many answers are being given.
    pub fn open_answers(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many connections have ever been accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// All requests to a path, oldest first.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        of_path(&self.shared.requests.borrow(), path).cloned().collect()
    }

    /// Waits until that many requests have come to a path.
    pub async fn requested(&self, path: &str, count: usize) {
        seen(&self.shared.requests, |requests| of_path(requests, path).count() >= count).await;
    }

    /// Waits until clients have left that many answers before their end, and tells when they did.
    pub async fn dropped(&self, count: usize) -> Vec<Instant> {
        seen(&self.shared.drops, |drops| drops.len() >= count).await
    }

    /// When the last whole answer was over: its last token goes out together with its end.
    pub fn last_end(&self) -> Option<Instant> {
        self.shared.ends.borrow().last().copied()
    }
}

fn of_path<'a>(requests: &'a [Request], path: &str) -> impl Iterator<Item = &'a Request> {
    requests.iter().filter(move |request| request.path == path)
}

/// Waits until enough has happened; that is soon or never, and a test is to fail then, not to hang.
async fn seen<T: Clone>(told: &watch::Sender<T>, is_enough: impl FnMut(&T) -> bool) -> T {
    let mut seen = told.subscribe();
    let enough = tokio::time::timeout(PATIENCE, seen.wait_for(is_enough)).await;
    enough.unwrap().unwrap().clone()
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((socket, _)) = listener.accept() => {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(converse(socket, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection until either side ends it.
async fn converse(socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut socket = BufReader::new(socket);
    while let Some(request) = wire::read_request(&mut socket).await? {
        shared.requests.send_modify(|requests| requests.push(request.clone()));
        match shared.reply(&request) {
            Reply::Json(status, body) => wire::write_json(&mut socket, status, &body).await?,
            Reply::Answer(script, model, work) => {
                shared.answer(socket.get_mut(), script, &model, work).await?;
            }
        }
    }
    Ok(())
}

enum Reply {
    Json(u16, Value),
    /// A script, the model that plays it, and what is done when something lands.
    Answer(Script, String, Work),
}

#[derive(Clone, Copy)]
enum Work {
    Talk,
    Pull,
    Load(Option<u32>),
}

/// Counts an answer for as long as it is being given.
struct Open<'a>(&'a AtomicUsize);

impl<'a> Open<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    async fn answer(
        &self,
        socket: &mut TcpStream,
        script: Script,
        model: &str,
        work: Work,
    ) -> io::Result<()> {
        let _open = Open::new(&self.open);
        let ending = {
            let (mut reader, mut writer) = socket.split();
            tokio::select! {
                ending = script.play(&mut writer, model, || self.land(work, model)) => ending,
                () = wire::closed(&mut reader) => Err(io::ErrorKind::ConnectionAborted.into()),
            }
        };
        match ending {
            Ok(Ending::Whole) => {
                self.ends.send_modify(|ends| ends.push(Instant::now()));
                return Ok(());
            }
            Ok(Ending::Cut) => {}
            Ok(Ending::Reset) => socket.set_zero_linger()?,
            Err(_) => self.drops.send_modify(|drops| drops.push(Instant::now())),
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn reply(&self, request: &Request) -> Reply {
        let pulled = self.pulled.lock().unwrap();
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/version") => Reply::Json(200, json!({"version": "0.12.6"})),
            ("GET", "/api/tags") => Reply::Json(200, pulled::tags(&pulled)),
            ("GET", "/api/ps") => Reply::Json(200, pulled::loaded(&pulled)),
            ("POST", "/api/show") => match pulled::show(&pulled, &request.body) {
                Ok(description) => Reply::Json(200, description),
                Err((status, error)) => Reply::Json(status, json!({ "error": error })),
            },
            ("POST", "/api/chat") => match pulled::fault_of_chat(&pulled, &request.body) {
                None => {
                    let (scene, model) = (self.scene(&request.body), model_of(&request.body));
                    let own = || self.by_model.lock().unwrap().get(model).cloned();
                    let script = scene.or_else(own).unwrap_or_else(|| self.next_script());
                    let limit = request.body["options"]["num_predict"].as_u64();
                    let script = script.within(limit.unwrap_or(u64::MAX));
                    Reply::Answer(script, model.to_owned(), Work::Talk)
                }
                Some((status, error)) => Reply::Json(status, json!({ "error": error })),
            },
            ("POST", "/api/generate") => match pulled::fault_of_load(&pulled, &request.body) {
                None => self.load(&request.body),
                Some((status, error)) => Reply::Json(status, json!({ "error": error })),
            },
            ("POST", "/api/pull") => self.pull(model_of(&request.body)),
            (
                _,
                "/api/version" | "/api/tags" | "/api/ps" | "/api/show" | "/api/chat"
                | "/api/generate" | "/api/pull",
            ) => Reply::Json(405, json!({"error": "405 method not allowed"})),
            _ => Reply::Json(404, json!({"error": "404 page not found"})),
        }
    }

    fn load(&self, body: &Value) -> Reply {
        let model = model_of(body).to_owned();
        let done = json!({"model": model, "response": "", "done": true, "done_reason": "load"});
        let script = Script::line_after(*self.load_time.lock().unwrap(), done.to_string());
        let context = body["options"]["num_ctx"].as_u64().and_then(|tokens| tokens.try_into().ok());
        Reply::Answer(script, model, Work::Load(context))
    }

    fn pull(&self, model: &str) -> Reply {
        let unknown = || {
            let error = json!({"error": "pull model manifest: file does not exist"});
            Script::new([Step::Line(error.to_string())])
        };
        let script = self.library.lock().unwrap().get(model).cloned().unwrap_or_else(unknown);
        Reply::Answer(script, model.to_owned(), Work::Pull)
    }

    fn land(&self, work: Work, name: &str) {
        let mut pulled = self.pulled.lock().unwrap();
        match work {
            Work::Talk => {}
            Work::Pull => pulled.push(Pulled::named(name)),
            Work::Load(context) => {
                let models = pulled.iter_mut().filter(|model| model.is_called(name));
                models.for_each(|model| model.load(context));
            }
        }
    }

    fn scene(&self, body: &Value) -> Option<Script> {
        let said = body["messages"].as_array()?.last()?["content"].as_str()?;
        let scenes = self.scenes.lock().unwrap();
        Some(scenes.iter().find(|(learner, _)| *learner == letters(said))?.1.clone())
    }

    fn next_script(&self) -> Script {
        let next = self.next.lock().unwrap().pop_front();
        next.unwrap_or_else(|| self.usual.lock().unwrap().clone())
    }
}

/// Both names are in use for the field.
fn model_of(body: &Value) -> &str {
    body.get("model").or_else(|| body.get("name")).and_then(Value::as_str).unwrap_or_default()
}

fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).collect()
}
