//! How Deepgram is spoken to.

use std::time::Duration;

use expect_test::expect;
use futures_util::StreamExt;
use parla::{
    domain::Language,
    providers::{Heard, ListenRequest, Pace, Sound, Transcriber},
};

use crate::support::scripted_hearing::{Fault, Script, Spoken};
use crate::{CIAO, KEY, deepgram, ended, frame, going_on, listen, shown, sound, trace};

#[tokio::test]
async fn what_is_said_is_told_in_part_and_then_for_good() {
    let come_stai = Spoken { from_ms: 1200, to_ms: 1600, text: "come stai" };
    let (server, deepgram) = deepgram(Script::of(&[CIAO, come_stai])).await;
    let told = trace(&deepgram, ended(sound(2000))).await;
    expect![[r#"
        0~ "ciao" 100-300 (0.97)
        0~ "ciao bella" 100-300 300-500 (0.97)
        0! "ciao bella" 100-300 300-500 (0.97)
        EndHint
        1~ "come" 1200-1400 (0.97)
        1~ "come stai" 1200-1400 1400-1600 (0.97)
        1! "come stai" 1200-1400 1400-1600 (0.97)
        EndHint
    "#]]
    .assert_eq(&told);
    let received = server.received().remove(0);
    assert_eq!(received.sound_ms(), 2000);
    assert_eq!(received.kinds(), ["CloseStream"]);
    assert_eq!(received.authorization.unwrap(), format!("Token {KEY}"));
    assert_eq!(deepgram.pace(), Pace::Free);
}

#[tokio::test]
async fn it_is_asked_for_every_word_as_it_was_said() {
    let (server, deepgram) = deepgram(Script::default()).await;
    let request = ListenRequest { language: Language::parse("pt-BR"), ..ListenRequest::default() };
    shown(deepgram.listen(request, ended(Vec::new()))).await;
    trace(&deepgram, ended(Vec::new())).await;
    let queries = server.received().into_iter().map(|received| received.query);
    let queries: Vec<_> = queries.collect();
    assert_eq!(queries[0]["language"], "pt-BR");
    assert_eq!(queries[1]["language"], "multi");
    for (name, value) in [
        ("model", "nova-3"),
        ("filler_words", "true"),
        ("smart_format", "false"),
        ("interim_results", "true"),
    ] {
        assert_eq!(queries[0][name], value);
    }
}

#[tokio::test]
async fn a_flush_brings_the_last_words_at_once() {
    let (server, deepgram) = deepgram(Script::of(&[CIAO])).await;
    let mut said = sound(460);
    said.push(Sound::Flush);
    said.extend(sound(40));
    let heard = listen(&deepgram, going_on(said)).take(3);
    expect![[r#"
        0~ "ciao" 100-300 (0.97)
        0! "ciao bella" 100-300 300-500 (0.97)
        Flushed
    "#]]
    .assert_eq(&shown(heard).await);
    assert_eq!(server.received()[0].kinds(), ["Finalize"]);
}

#[tokio::test]
async fn a_flush_after_the_end_of_an_utterance_is_not_worth_a_question() {
    let (server, deepgram) = deepgram(Script::of(&[CIAO])).await;
    let (sounds, heard) = tokio::sync::mpsc::channel(64);
    let mut heard = listen(&deepgram, tokio_stream::wrappers::ReceiverStream::new(heard).boxed());
    for sound in [Sound::VoiceOn].into_iter().chain(sound(560)).chain([Sound::VoiceOff]) {
        sounds.send(sound).await.unwrap();
    }
    for sound in sound(300) {
        sounds.send(sound).await.unwrap();
    }
    while heard.next().await.unwrap().unwrap() != Heard::EndHint {}
    sounds.send(Sound::Flush).await.unwrap();
    assert_eq!(heard.next().await.unwrap().unwrap(), Heard::Flushed);
    assert!(server.received()[0].kinds().is_empty());
}

#[tokio::test]
async fn a_flush_without_an_answer_is_answered_after_a_second() {
    let (_server, deepgram) = deepgram(Script::failing(&[], &[Fault::IgnoresFlush])).await;
    let began = std::time::Instant::now();
    let mut heard = listen(&deepgram, going_on(vec![Sound::Flush, Sound::Flush]));
    assert_eq!(heard.next().await.unwrap().unwrap(), Heard::Flushed);
    assert_eq!(heard.next().await.unwrap().unwrap(), Heard::Flushed);
    assert!((1..5).contains(&began.elapsed().as_secs()));
}

#[tokio::test]
async fn a_connection_without_sound_is_kept_open() {
    let script = Script { idle: Duration::from_secs(6), ..Script::of(&[]) };
    let (server, deepgram) = deepgram(script).await;
    let heard = listen(&deepgram, going_on(sound(100))).collect::<Vec<_>>();
    tokio::time::timeout(Duration::from_secs(9), heard).await.unwrap_err();
    assert_eq!(server.received()[0].kinds(), ["KeepAlive"; 2]);
}

#[tokio::test]
async fn an_empty_frame_is_never_sent() {
    let (server, deepgram) = deepgram(Script::of(&[])).await;
    let empty = Sound::Frame(frame(0));
    let said = vec![empty.clone(), Sound::Frame(frame(20)), empty];
    assert_eq!(trace(&deepgram, ended(said)).await, "");
    assert_eq!(server.received()[0].frames, [640]);
}

#[tokio::test]
async fn what_may_be_said_is_given_as_keyterms() {
    let (server, deepgram) = deepgram(Script::of(&[])).await;
    let phrases = ["ciao".to_owned(), "buongiorno".to_owned()];
    assert_eq!(trace(&deepgram, ended(vec![Sound::Expect(phrases.into())])).await, "");
    let configured = serde_json::json!({"type": "Configure", "keyterms": ["ciao", "buongiorno"]});
    assert_eq!(server.received()[0].texts[0], configured);
}
