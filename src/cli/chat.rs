//! `parla chat`: a conversation at the terminal, heard where there is a player. What is said goes over the same socket
//! that other clients use; nothing is decided here about the answer.

mod lines;
mod player;
mod playlist;
mod screen;

use std::io::{IsTerminal, Write};

use clap::Args;
use futures_util::{FutureExt, future::BoxFuture};
use parla::{
    config::{Environment, Settings},
    domain::{Language, Level, random_token},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{say::language, signals::Signals, tutor::Tutor, visit};
use player::Player;
use playlist::{Playlist, Sound};
use screen::Screen;

#[derive(Args)]
pub(super) struct ChatArguments {
    /// The language to learn, such as es or pt-BR
    #[arg(long, value_parser = language)]
    language: Option<Language>,
    /// A1 to C2
    #[arg(long, value_parser = level)]
    level: Option<Level>,
    /// A scene that the tutor opens, such as cafe
    #[arg(long)]
    scenario: Option<String>,
    /// A conversation to go on with, or to begin under that name
    #[arg(long, value_name = "NAME")]
    conversation: Option<String>,
    /// Only text
    #[arg(long)]
    no_audio: bool,
}

/// Ends with the input, once the last answer is heard, or by Ctrl-C while nobody speaks.
pub(super) async fn chat(settings: Settings, arguments: ChatArguments) -> anyhow::Result<()> {
    let signals = Signals::hold()?;
    visit::running_or_own(&settings, async |doorway| {
        let tutor = Tutor::join(doorway, arguments.conversation.as_deref()).await?;
        let mut chat = Chat {
            tutor,
            choice: choice(&arguments),
            screen: Screen::default(),
            playlist: Playlist::default(),
            players: players(&arguments)?,
            playing: None,
            awaited: None,
            turn: String::new(),
            is_making: false,
            is_terminal: std::io::stdin().is_terminal(),
        };
        chat.begin(arguments.scenario.is_some()).await?;
        chat.run(lines::of_stdin(), signals).await
    })
    .await
}

struct Chat {
    tutor: Tutor,
    /// What the next message says of the lesson; the conversation remembers it.
    choice: Value,
    screen: Screen,
    playlist: Playlist,
    /// Those that may be able to play; without any, text has to do.
    players: Vec<Player>,
    /// The sound that is being heard; dropping it silences it.
    playing: Option<Playing>,
    /// The learner has asked, and which turn answers is not known yet.
    awaited: Option<Awaited>,
    /// The newest turn that answers this learner.
    turn: String,
    /// It has not ended, or is not known yet.
    is_making: bool,
    is_terminal: bool,
}

struct Playing {
    sound: Sound,
    end: BoxFuture<'static, anyhow::Result<bool>>,
}

/// By what the turn is known that answers.
enum Awaited {
    /// The learner's message has that name.
    Message(String),
    /// The tutor opens: the first turn that is heard of is it.
    Opening,
}

/// What wakes the chat up.
enum Happening {
    Line(Option<String>),
    Frame(Value),
    Heard(anyhow::Result<bool>),
    Signal,
}

impl Chat {
    async fn begin(&mut self, tutor_opens: bool) -> anyhow::Result<()> {
        if !tutor_opens {
            return self.show_prompt();
        }
        self.ask(json!({"message": ""}), Awaited::Opening).await
    }

    async fn run(
        &mut self,
        mut lines: mpsc::Receiver<String>,
        mut signals: Signals,
    ) -> anyhow::Result<()> {
        let mut is_over = false;
        while !(is_over && self.is_quiet()) {
            // Who types may interrupt; what is piped in waits for each answer.
            let may_read = !is_over && (self.is_terminal || self.is_quiet());
            let happening = tokio::select! {
                line = lines.recv(), if may_read => Happening::Line(line),
                frame = self.tutor.next() => Happening::Frame(frame?),
                heard = heard(&mut self.playing) => Happening::Heard(heard),
                () = signals.next() => Happening::Signal,
            };
            match happening {
                Happening::Line(Some(line)) => self.say(line.trim()).await?,
                Happening::Line(None) => is_over = true,
                Happening::Frame(frame) => self.take(&frame).await?,
                Happening::Heard(heard) => self.go_on(heard).await?,
                Happening::Signal if self.is_quiet() => break,
                Happening::Signal => self.stop().await?,
            }
        }
        let end = self.screen.end_line();
        write(&end)
    }

    /// Nobody speaks and nobody is waited for.
    fn is_quiet(&self) -> bool {
        !self.is_making && self.playing.is_none()
    }

    async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        if self.is_terminal {
            self.screen.typed();
        }
        if text.is_empty() {
            return self.show_prompt();
        }
        self.silence();
        let id = random_token();
        self.ask(json!({"message": text, "clientId": id}), Awaited::Message(id)).await
    }

    async fn ask(&mut self, message: Value, awaited: Awaited) -> anyhow::Result<()> {
        // Said each time: with a message that is refused its choice would be lost.
        let mut data = self.choice.clone();
        for (name, value) in message.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        self.awaited = Some(awaited);
        self.turn.clear();
        self.is_making = true;
        self.tutor.send("chat", data).await
    }

    async fn stop(&mut self) -> anyhow::Result<()> {
        self.silence();
        self.tutor.send("stop", json!({})).await?;
        if self.is_quiet() { self.show_prompt() } else { Ok(()) }
    }

    fn silence(&mut self) {
        self.playing = None;
        self.playlist.clear();
    }

    async fn take(&mut self, frame: &Value) -> anyhow::Result<()> {
        let text = self.screen.show(frame);
        write(&text)?;
        let (kind, data) = (frame["type"].as_str().unwrap_or_default(), &frame["data"]);
        self.recognise(kind, data);
        let turn = data["turnId"].as_str().unwrap_or_default();
        let is_mine = turn == self.turn && !turn.is_empty();
        match kind {
            "chunk-complete" | "chunk-failed" if is_mine => {
                self.playlist.add(turn, data);
                return self.play_next().await;
            }
            "conversation-complete" | "conversation-failed" if is_mine => self.is_making = false,
            "conversation-stopped" | "playback-stopped" if is_mine => {
                self.silence();
                self.is_making = false;
            }
            "error" if self.awaited.is_some() => {
                self.awaited = None;
                self.is_making = false;
            }
            _ => return Ok(()),
        }
        if self.is_quiet() { self.show_prompt() } else { Ok(()) }
    }

    /// Learns which turn answers.
    fn recognise(&mut self, kind: &str, data: &Value) {
        let Some(turn) = data["turnId"].as_str() else { return };
        let is_it = match &self.awaited {
            Some(Awaited::Message(id)) => kind == "message" && data["clientId"] == **id,
            Some(Awaited::Opening) => true,
            None => false,
        };
        if is_it {
            self.awaited = None;
            turn.clone_into(&mut self.turn);
        }
    }

    /// The sound has ended; where it could not be played, another player may do better.
    async fn go_on(&mut self, heard: anyhow::Result<bool>) -> anyhow::Result<()> {
        let Some(Playing { sound, .. }) = self.playing.take() else { return Ok(()) };
        match heard {
            Ok(true) => self.report(&sound).await?,
            Ok(false) => {
                self.players.remove(0);
                self.playlist.put_back(sound);
                if self.players.is_empty() {
                    let remark = self.screen.remark("no player plays: only text from here on");
                    write(&remark)?;
                }
            }
            Err(_) => {
                let remark = self.screen.remark("a sentence cannot be heard");
                write(&remark)?;
            }
        }
        self.play_next().await?;
        if self.is_quiet() { self.show_prompt() } else { Ok(()) }
    }

    async fn play_next(&mut self) -> anyhow::Result<()> {
        while self.playing.is_none() {
            let Some(sound) = self.playlist.next() else { return Ok(()) };
            match self.players.first().cloned() {
                Some(player) => {
                    let end = player.play(self.tutor.sound(&sound.url)).boxed();
                    self.playing = Some(Playing { sound, end });
                }
                // Read is as good as heard.
                None => self.report(&sound).await?,
            }
        }
        Ok(())
    }

    async fn report(&mut self, sound: &Sound) -> anyhow::Result<()> {
        let Sound { turn, chunk, ms, .. } = sound;
        let data = json!({"turnId": turn, "chunkIndex": chunk, "ms": ms});
        self.tutor.send("played", data).await
    }

    fn show_prompt(&mut self) -> anyhow::Result<()> {
        if !self.is_terminal {
            return Ok(());
        }
        let prompt = self.screen.prompt();
        write(&prompt)
    }
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Never, while there is nothing to be heard.
async fn heard(playing: &mut Option<Playing>) -> anyhow::Result<bool> {
    match playing {
        Some(playing) => (&mut playing.end).await,
        None => std::future::pending().await,
    }
}

/// What the first message says of the lesson.
fn choice(arguments: &ChatArguments) -> Value {
    let ChatArguments { language, level, scenario, .. } = arguments;
    let chosen = [
        ("language", language.as_ref().map(Language::as_str)),
        ("level", level.map(Level::name)),
        ("scenario", scenario.as_deref()),
    ];
    let mut choice = json!({"stream": true});
    for (name, value) in chosen {
        if let Some(value) = value {
            choice[name] = json!(value);
        }
    }
    choice
}

fn players(arguments: &ChatArguments) -> anyhow::Result<Vec<Player>> {
    if arguments.no_audio {
        return Ok(Vec::new());
    }
    let path = Environment::of_process().get("PATH").unwrap_or_default();
    let players = Player::all(&path);
    if players.is_empty() {
        writeln!(std::io::stderr(), "only text: none of {} is found", Player::names())?;
    }
    Ok(players)
}

fn level(text: &str) -> Result<Level, String> {
    Level::parse(text).ok_or_else(|| "expected A1, A2, B1, B2, C1 or C2".to_owned())
}
