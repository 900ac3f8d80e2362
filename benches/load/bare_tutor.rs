//! The least that a tutor's server needs on the same parts: it relays the model's sentences to the voice, tells its
//! learner of every sound, and hands that out once. It stores, orders, limits and repeats nothing.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{
        Path, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::StatusCode,
    response::Response,
    routing::get,
};
use parla::{
    conversation::parser::{Parser, Piece},
    domain::Language,
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    bare::{self, BUFFER},
    direct::Direct,
    script,
    server::Process,
    stand_ins::StandIns,
};

/// What the scripted voice sends for one second, in bytes.
const BYTES_PER_SECOND: f64 = 48_000.0;

/// More than an answer has.
const MOST_PIECES: usize = 1024;

/// The bare tutor in a process of its own, on the core on which parla is measured.
pub(crate) async fn start(stand_ins: &StandIns) -> anyhow::Result<(SocketAddr, Process)> {
    let model = stand_ins.model.base_url();
    bare::start(&["--bare-tutor", &model, stand_ins.voice.url()]).await
}

/// Serves until the process is ended.
pub(crate) async fn serve(model: &str, voice: &str) -> anyhow::Result<()> {
    let tutor = Tutor { direct: Direct::of(model, voice)?, sounds: Arc::default() };
    let router = Router::new().route("/ws", get(upgrade)).route("/sounds/{id}", get(sound));
    bare::announce(router.with_state(tutor)).await
}

#[derive(Clone)]
struct Tutor {
    direct: Direct,
    sounds: Arc<Mutex<Sounds>>,
}

/// What has been spoken and not been fetched.
#[derive(Default)]
struct Sounds {
    all: HashMap<u64, Bytes>,
    next: u64,
}

async fn upgrade(State(tutor): State<Tutor>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.read_buffer_size(BUFFER).write_buffer_size(BUFFER);
    upgrade.on_upgrade(|socket| converse(socket, tutor))
}

async fn sound(State(tutor): State<Tutor>, Path(id): Path<u64>) -> Result<Bytes, StatusCode> {
    tutor.sounds().all.remove(&id).ok_or(StatusCode::NOT_FOUND)
}

/// Answers every message; one that cannot be answered ends the conversation, which the learner of a bench takes for the
/// failure that it is.
async fn converse(mut socket: WebSocket, tutor: Tutor) {
    if tell(&mut socket, json!({"type": "connected"})).await.is_err() {
        return;
    }
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let is_chat = serde_json::from_str(&text).is_ok_and(|frame: Value| frame["type"] == "chat");
        if is_chat && tutor.turn(&mut socket).await.is_err() {
            return;
        }
    }
}

async fn tell(socket: &mut WebSocket, frame: Value) -> Result<(), axum::Error> {
    socket.send(Message::Text(frame.to_string().into())).await
}

impl Tutor {
    fn sounds(&self) -> std::sync::MutexGuard<'_, Sounds> {
        self.sounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(&self, socket: &mut WebSocket) -> anyhow::Result<()> {
        let (write, mut written) = mpsc::channel(MOST_PIECES);
        let model = self.direct.clone();
        let mut answer = JoinSet::new();
        answer.spawn(async move {
            let mut parser = Parser::new(Language::default());
            // A piece that found no room is one that the learner misses.
            let tell = |pieces: Vec<Piece>| {
                pieces.into_iter().for_each(|piece| drop(write.try_send(piece)));
            };
            model.answer(|token| tell(parser.push(token))).await?;
            tell(parser.finish());
            anyhow::Ok(())
        });
        let (mut voices, mut chunks) = (JoinSet::new(), 0);
        loop {
            tokio::select! {
                Some(piece) = written.recv() => chunks += self.speak(&mut voices, chunks, piece),
                Some(spoken) = voices.join_next() => {
                    let (place, sound) = spoken??;
                    tell(socket, self.keep(place, sound)).await?;
                }
                else => break,
            }
        }
        answer.join_all().await.into_iter().collect::<anyhow::Result<()>>()?;
        Ok(tell(socket, json!({"type": "conversation-complete", "data": {"chunks": chunks}}))
            .await?)
    }

    /// Asks for the sound of a piece that has one, and says how many that are.
    fn speak(
        &self,
        voices: &mut JoinSet<reqwest::Result<(usize, Bytes)>>,
        place: usize,
        piece: Piece,
    ) -> usize {
        let Some(text) = script::spoken(piece) else { return 0 };
        let sound = self.direct.speak(&text);
        voices.spawn(async move { Ok((place, sound.await?)) });
        1
    }

    fn keep(&self, place: usize, sound: Bytes) -> Value {
        let duration = Duration::from_secs_f64(sound.len() as f64 / BYTES_PER_SECOND).as_secs_f64();
        let mut sounds = self.sounds();
        let id = sounds.next;
        sounds.next += 1;
        sounds.all.insert(id, sound);
        let chunk = json!({"audioUrl": format!("/sounds/{id}"), "duration": duration});
        json!({"type": "chunk-complete", "data": {"turnId": "turn", "chunkIndex": place, "chunk": chunk}})
    }
}
