//! What goes wrong with either service, and how parla tells it.

use std::time::{Duration, Instant};

use futures_util::{
    StreamExt,
    future::join,
    stream::{self, BoxStream},
};
use parla::providers::{
    Heard, ListenRequest, ProviderError, Sound,
    deepgram::{Deepgram, DeepgramSettings},
};

use crate::support::scripted_hearing::{Fault, Script};
use crate::{CIAO, both, ended, failure, going_on, listen, sound, trace};

/// What a service's failure is called.
fn kind(error: &ProviderError) -> &'static str {
    match error {
        ProviderError::AtCapacity { .. } => "at capacity",
        ProviderError::Unreachable { .. } => "unreachable",
        ProviderError::TimedOut { .. } => "timed out",
        ProviderError::Stalled { .. } => "stalled",
        ProviderError::Cut { .. } => "cut",
        ProviderError::Rejected { .. } => "rejected",
        ProviderError::Broken { .. } => "broken",
    }
}

async fn all_fail(fault: Fault, wanted: &str) {
    let [(_a, deepgram), (_b, assemblyai)] = both(&Script::failing(&[CIAO], &[fault])).await;
    let sound = || going_on(sound(1000));
    let (first, second) = join(failure(&*deepgram, sound()), failure(&*assemblyai, sound())).await;
    for error in [first, second] {
        assert_eq!(kind(&error), wanted, "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn a_refused_handshake_says_why() {
    for status in [400, 401, 402, 403] {
        all_fail(Fault::Refuse(status), "rejected").await;
    }
    all_fail(Fault::Refuse(429), "at capacity").await;
    all_fail(Fault::Refuse(500), "broken").await;
    for (_server, transcriber) in both(&Script::failing(&[], &[Fault::Refuse(429)])).await {
        let error = transcriber.check().await.unwrap_err();
        let provider = transcriber.name().to_owned();
        let retry_after = Some(Duration::from_secs(7));
        assert_eq!(error, ProviderError::AtCapacity { provider, retry_after });
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_soon() {
    let began = Instant::now();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [format!("ws://{free}"), format!("wss://{free}"), "no address".to_owned()] {
        let transcriber = Deepgram::new(DeepgramSettings { url, ..DeepgramSettings::new("k") });
        let error = failure(&transcriber, ended(Vec::new())).await;
        assert_eq!(kind(&error), "unreachable", "{error}");
    }
    all_fail(Fault::Hang, "timed out").await;
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_secure_address_is_not_spoken_to_in_the_clear() {
    let (server, _) = crate::deepgram(Script::default()).await;
    let url = server.url().replace("ws:", "wss:");
    let transcriber = Deepgram::new(DeepgramSettings { url, ..DeepgramSettings::new(crate::KEY) });
    let error = failure(&transcriber, ended(Vec::new())).await;
    assert_eq!(kind(&error), "unreachable", "{error}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_key_that_is_repeated_is_not_shown() {
    for (_server, transcriber) in both(&Script { key: Some("another"), ..Script::default() }).await
    {
        let error = transcriber.check().await.unwrap_err().to_string();
        assert!(error.contains("401") && error.contains("[key]"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_is_cut() {
    let at_ms = 400;
    all_fail(Fault::Cut { at_ms }, "cut").await;
    all_fail(Fault::Close { at_ms, code: 1011, reason: "NET-0001" }, "cut").await;
    all_fail(Fault::Close { at_ms, code: 1000, reason: "" }, "cut").await;
    all_fail(Fault::Close { at_ms, code: 3005, reason: "Session cancelled" }, "cut").await;
}

#[tokio::test]
async fn a_close_that_blames_parla_is_a_refusal() {
    let close = |code, reason| Fault::Close { at_ms: 100, code, reason };
    all_fail(close(1008, "DATA-0000"), "rejected").await;
    all_fail(close(1013, "later"), "at capacity").await;
}

#[tokio::test]
async fn what_is_no_frame_is_broken() {
    all_fail(Fault::Garbage { at_ms: 100 }, "broken").await;
    all_fail(Fault::Huge { at_ms: 100 }, "broken").await;
}

#[tokio::test]
async fn words_that_were_begun_and_do_not_end_are_a_stall() {
    let script = Script::failing(&[CIAO], &[Fault::Stall { at_ms: 500 }]);
    for (_server, transcriber) in both(&script).await {
        let flushed = going_on([sound(700), vec![Sound::Flush]].concat());
        let (flushed, ended) =
            join(failure(&*transcriber, flushed), failure(&*transcriber, ended(sound(700)))).await;
        assert_eq!((kind(&flushed), kind(&ended)), ("stalled", "stalled"));
    }
}

#[tokio::test]
async fn neither_sound_nor_signs_of_life_put_off_a_stall() {
    let script = Script::failing(&[CIAO], &[Fault::IgnoresFlush]);
    let [(_a, deepgram), (_b, assemblyai)] = both(&script).await;
    let said = || going_on([sound(400), vec![Sound::Flush]].concat());
    let began = Instant::now();
    let (first, second) = join(failure(&*deepgram, said()), failure(&*assemblyai, said())).await;
    assert_eq!((kind(&first), kind(&second)), ("stalled", "stalled"));
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn an_unanswered_flush_is_answered_while_sound_goes_on() {
    for (_server, transcriber) in both(&Script::failing(&[], &[Fault::IgnoresFlush])).await {
        let live = stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((sound(20), ()))
        });
        let live = live.flat_map(stream::iter);
        let said = stream::iter([Sound::Flush]).chain(live).boxed();
        let mut heard = listen(&*transcriber, said);
        let first = tokio::time::timeout(Duration::from_secs(4), heard.next()).await;
        assert_eq!(first.unwrap().unwrap().unwrap(), Heard::Flushed);
    }
}

#[tokio::test]
async fn a_service_that_is_gone_without_a_word_is_noticed() {
    all_fail(Fault::Stall { at_ms: 0 }, "stalled").await;
}

#[tokio::test]
async fn finals_that_come_twice_are_told_once() {
    let plain = both(&Script::of(&[CIAO])).await;
    let doubled = both(&Script::failing(&[CIAO], &[Fault::DoubleFinals])).await;
    for ((_a, plain), (_b, doubled)) in plain.into_iter().zip(doubled) {
        let plain = trace(&*plain, ended(sound(1000))).await;
        assert_eq!(trace(&*doubled, ended(sound(1000))).await, plain);
    }
}

#[tokio::test]
async fn an_empty_final_takes_back_what_was_supposed() {
    for (_server, transcriber) in both(&Script::failing(&[CIAO], &[Fault::EmptyFinals])).await {
        let told = trace(&*transcriber, ended(sound(1000))).await;
        assert!(told.contains("0! \"\""), "{told}");
    }
}

#[tokio::test]
async fn words_without_confidence_or_with_mad_times_are_words() {
    let faults = [Fault::NoConfidence, Fault::Backwards];
    for (_server, transcriber) in both(&Script::failing(&[CIAO], &faults)).await {
        let told = trace(&*transcriber, ended(sound(1000))).await;
        assert!(told.contains("0! \"ciao bella\" 100-100 300-300\n"), "{told}");
    }
}

#[tokio::test]
async fn a_check_is_a_whole_exchange_without_sound() {
    for (server, transcriber) in both(&Script::default()).await {
        transcriber.check().await.unwrap();
        assert_eq!(server.received()[0].sound_ms(), 0);
        assert_eq!(server.received()[0].texts.len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_connected_before_it_is_listened_to() {
    for (server, transcriber) in both(&Script::default()).await {
        drop(listen(&*transcriber, ended(Vec::new())));
        drop(transcriber.listen(ListenRequest::default(), ended(Vec::new())));
        assert!(server.received().is_empty());
    }
}

/// As they are spoken, by somebody who goes on and on.
fn live(ms: usize) -> BoxStream<'static, Sound> {
    let frames = stream::iter(sound(ms)).then(|frame| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        frame
    });
    stream::iter([Sound::VoiceOn]).chain(frames).boxed()
}

#[tokio::test]
async fn a_service_that_tells_nothing_of_a_voice_has_stalled() {
    let script = Script::failing(&[CIAO], &[Fault::Mute { at_ms: 0 }]);
    for (_server, transcriber) in both(&script).await {
        let began = Instant::now();
        let error = failure(&*transcriber, live(8_000)).await;
        assert_eq!(kind(&error), "stalled", "{error}");
        assert!((4..6).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_service_that_falls_silent_in_the_middle_of_words_has_stalled() {
    let script = Script::failing(&[CIAO], &[Fault::Mute { at_ms: 1_000 }]);
    for (_server, transcriber) in both(&script).await {
        let heard = listen(&*transcriber, live(10_000)).collect::<Vec<_>>().await;
        assert!(matches!(heard[0], Ok(Heard::Transcript(_))));
        assert_eq!(kind(heard.last().unwrap().as_ref().unwrap_err()), "stalled");
    }
}
