//! Calls over WebRTC by callers that do what browsers never do, and networks that are worse than those of tests with
//! browsers (`calls.rs`). The model, and what is heard in what is said, are played.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

use crate::support::{
    caller::Habit,
    phone::{Phone, Told},
    relay::{Relay, Weather},
    scripted_ollama::{Script, ScriptedOllama},
    scripted_transcription::{Reply, Script as Heard, ScriptedTranscription},
    server::{Answer, Server, Setup},
    speech::Speech,
};

/// Ten seconds, on a slow machine.
const GIVEN_UP: Duration = Duration::from_secs(20);
const QUESTION: &str = "Where is the station?";
const ANSWER: &str = "[happy] The station is not far from here at all, go straight on until you see the church. \
    Then turn left, and walk along the river for about ten minutes until there is a bridge.";

/// A server that understands one sentence, whatever is said, with what it needs.
struct Stage {
    server: Server,
    ears: ScriptedTranscription,
    _model: ScriptedOllama,
}

async fn stage(settings: &[(&'static str, &str)]) -> Stage {
    let model = ScriptedOllama::start().await;
    model.scene(QUESTION, Script::say(ANSWER));
    let script = Heard { replies: vec![Reply::Text(QUESTION)], ..Heard::default() };
    let ears = ScriptedTranscription::start(script).await.unwrap();
    let url = format!("[providers.openai]\nurl = \"{}\"\n", ears.url());
    let setup = Setup::new(&model).settings(&url).environment("PARLA_STT", "openai");
    let setup = setup.environment("OPENAI_API_KEY", "sk-any");
    let setup = settings.iter().fold(setup, |setup, (name, value)| setup.environment(name, *value));
    Stage { server: setup.start().await, ears, _model: model }
}

fn question() -> Speech {
    Speech::of("en-us", QUESTION)
}

async fn connected(server: &Server) -> Phone {
    let caller = Phone::dial(server, Habit::Usual).await;
    caller.until("the session", |told| told.count("session.created") > 0).await;
    caller
}

#[tokio::test]
async fn offers_that_make_no_call_are_refused_with_their_reason_and_leave_nothing() {
    let Stage { server, .. } = &stage(&[]).await;
    let offer = include_str!("../../fuzz/seeds/offer/chromium");
    let times = |line: &str, times: usize| offer.to_owned() + &line.repeat(times);
    let candidate = "a=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\n";
    for (offer, status, reason) in [
        ("\u{1}\u{2}garbage".to_owned(), 400, "v=0"),
        ("v=0\r\n".to_owned(), 400, "no audio"),
        (times("a=x:y\r\n", 150_000), 413, ""),
        (times("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 1000), 400, "m-lines"),
        (times(candidate, 10_000), 413, ""),
        (times(candidate, 101), 400, "candidates"),
        (offer.replace("m=audio", "m=video"), 400, "no audio"),
        (offer.replace("opus/48000", "speex/48000"), 400, "no audio"),
        (offer.replace("sha-256 5B:", "sha-256 ZZ:"), 400, "fingerprint"),
        (offer.replace("sha-256 5B:24:", "sha-256 "), 400, "fingerprint"),
        (offer.replace("a=mid:1", "a=mid:0"), 400, "contradicts"),
    ] {
        let request = server.request(Method::POST, "/v1/realtime/calls");
        let request = request.header("content-type", "application/sdp").body(offer);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{reason}: {answer:?}");
        let told = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(told.contains(reason), "{reason}: {told}");
    }
    assert_eq!(server.metrics().await.value("parla_calls"), 0.0);
}

#[tokio::test]
async fn calls_that_wait_for_their_caller_have_a_limit() {
    let Stage { server, .. } = &stage(&[("PARLA_MAX_CONNECTIONS", "3")]).await;
    let offer = include_str!("../../fuzz/seeds/offer/chromium");
    // At once: answered one by one on a slow machine, the first has been given up when the last one comes.
    let calls = (0..4).map(async |_| {
        let request = server.request(Method::POST, "/v1/realtime/calls");
        let request = request.header("content-type", "application/sdp").body(offer);
        request.send().await.unwrap().status().as_u16()
    });
    let mut statuses = join_all(calls).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 503]);
}

/// Whoever is named in an offer has not asked for anything.
#[tokio::test]
async fn no_address_of_an_offer_is_ever_sent_anything() {
    let Stage { server, .. } = &stage(&[]).await;
    let bystander = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    bystander.join_multicast_v4([224, 0, 0, 251].into(), [127, 0, 0, 1].into()).unwrap();
    let port = bystander.local_addr().unwrap().port();
    let named: String = ["127.0.0.1", "127.0.0.3", "224.0.0.251", "255.255.255.255"]
        .map(|ip| format!("a=candidate:1 1 udp 2122260223 {ip} {port} typ host\r\n"))
        .concat();
    let offer = include_str!("../../fuzz/seeds/offer/chromium");
    let offer = offer.replace("a=mid:0\r\n", &format!("{named}a=mid:0\r\n"));
    let request = server.request(Method::POST, "/v1/realtime/calls");
    let request = request.header("content-type", "application/sdp").body(offer);
    assert_eq!(request.send().await.unwrap().status(), 201);
    let got = timeout(Duration::from_secs(2), bystander.recv(&mut [0; 2048])).await;
    assert!(got.is_err(), "{got:?}");
}

#[tokio::test]
async fn whoever_begins_and_never_agrees_on_keys_is_given_up_soon_and_gets_little() {
    let Stage { server, .. } = &stage(&[]).await;
    let began = Instant::now();
    let deaf = Phone::dial(server, Habit::NeverAgrees).await;
    let false_friend = Phone::dial(server, Habit::Pretends).await;
    let ended = r#"parla_calls_ended_total{ending="never_connected"}"#;
    while server.metrics().await.value(ended) < 2.0 {
        assert!(began.elapsed() < GIVEN_UP, "{:?} {:?}", deaf.told(), false_friend.told());
        sleep(Duration::from_millis(100)).await;
    }
    for caller in [&deaf, &false_friend] {
        assert!(caller.told().events.is_empty(), "{:?}", caller.told());
    }
    let Told { sent, received, .. } = deaf.told();
    assert!(received <= sent, "{received} bytes for {sent}: a stranger's address could be flooded");
}

/// Fifty thousand datagrams a second from where a caller is known to be: noise, and what the caller itself has sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_from_a_callers_address_harms_no_other_call() {
    let Stage { server, .. } = &stage(&[]).await;
    let (flooded, other) = (connected(server).await, connected(server).await);
    other.say(&question()).await;
    other.until("sound", |told| told.loud > 10).await;
    let heard_in_peace = heard_meanwhile(&other, sleep(Duration::from_secs(2))).await;
    let (socket, replayed) = flooded.wiretap().await;
    let port = server.authority().parse::<SocketAddr>().unwrap();
    let flood = async {
        let noise = [vec![0x80; 160], vec![0x81, 200, 0, 1], vec![22; 300], vec![0; 60_000]];
        let all: Vec<Vec<u8>> = replayed.into_iter().chain(noise).collect();
        let mut next = all.iter().cycle();
        for _ in 0..200 {
            for datagram in next.by_ref().take(500) {
                // A full buffer on the way loses it.
                drop(socket.try_send_to(datagram, port));
            }
            sleep(Duration::from_millis(9)).await;
        }
    };
    let heard = heard_meanwhile(&other, flood).await;
    println!("packets a second: {heard_in_peace:.0} in peace, {heard:.0} in the flood");
    // The flood itself takes most of a small machine's processors.
    assert!(heard > heard_in_peace / 3.0, "{heard_in_peace} and then {heard}");
    flooded.say(&question()).await;
    flooded.until("sound", |told| told.loud > 10).await;
    let metrics = server.metrics().await;
    for (reason, at_least) in [("flood", 100.0), ("too_long", 0.0)] {
        let series = format!("parla_call_datagrams_dropped_total{{reason=\"{reason}\"}}");
        assert!(metrics.value(&series) > at_least, "{}", metrics.0);
    }
}

/// How many packets of the tutor's voice a caller gets in a second while that happens.
async fn heard_meanwhile(caller: &Phone, happening: impl Future) -> f64 {
    let (before, began) = (caller.told().packets, Instant::now());
    happening.await;
    (caller.told().packets - before) as f64 / began.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_goes_both_ways_through_the_worst_of_networks() {
    let stage = &stage(&[("PARLA_RTC_ADDRESSES", "127.0.0.2")]).await;
    let port = stage.server.authority().parse::<SocketAddr>().unwrap().port();
    let [front, back] = [2, 1].map(|last| SocketAddr::from(([127, 0, 0, last], port)));
    let [delay, jitter] = [200, 100].map(Duration::from_millis);
    let _relay = Relay::start(front, back, Weather { loss: 20, delay, jitter }).await.unwrap();
    let say = async |caller: &Phone| {
        caller.say(&question()).await;
        caller.comes(|told| told.loud > 50).await;
    };
    heard_whole(stage, &question(), say).await;
}

#[tokio::test]
async fn a_hole_of_300_ms_ends_no_turn() {
    let stage = &stage(&[]).await;
    let sentence = Speech::of("en-us", "Could you please tell me where the station is?");
    let say = async |caller: &Phone| {
        caller.say(&sentence).await;
        sleep(Duration::from_millis(900)).await;
        caller.lose(Duration::from_millis(300)).await;
        caller.comes(|told| told.loud > 0).await;
    };
    heard_whole(stage, &sentence, say).await;
}

/// What is said becomes one turn of its whole length although packets are lost. Where many are, or the machine stalls, not
/// every call comes about, and there are further holes: hence three calls, of which one will do.
async fn heard_whole(stage: &Stage, speech: &Speech, say: impl AsyncFn(&Phone)) {
    let mut heard = Vec::new();
    for _ in 0..3 {
        let before = stage.ears.asked().len();
        let caller = Phone::dial(&stage.server, Habit::Usual).await;
        if !caller.comes(|told| told.count("session.created") > 0).await {
            continue;
        }
        say(&caller).await;
        let asked = stage.ears.asked().split_off(before);
        let is_answered = caller.told().loud > 0;
        heard.push(asked.iter().map(|asked| asked.sound_ms).collect::<Vec<_>>());
        if matches!(asked.as_slice(), [one] if is_answered && one.sound_ms + 200 > speech.ms()) {
            let lost = stage.server.metrics().await.value("parla_call_packets_lost_total");
            return assert!(lost > 5.0, "{lost} packets are lost");
        }
    }
    panic!("of {} ms are heard {heard:?}", speech.ms());
}

#[tokio::test]
async fn a_call_goes_on_from_another_network() {
    let Stage { server, .. } = &stage(&[]).await;
    let caller = connected(server).await;
    for _ in 0..2 {
        caller.move_to_another_port().await;
        caller.restart(server).await;
        let before = caller.told();
        caller.say(&question()).await;
        caller.until("sound", |told| told.loud > before.loud + 50).await;
        caller.send(json!({"type": "output_audio_buffer.clear"})).await;
        let cleared = before.count("output_audio_buffer.cleared");
        caller.until("silence", |told| told.count("output_audio_buffer.cleared") > cleared).await;
    }
    assert_eq!(server.metrics().await.value("parla_calls_connected_total"), 1.0);
}

#[tokio::test]
async fn events_of_any_size_and_kind_leave_the_sound_alone() {
    let Stage { server, .. } = &stage(&[]).await;
    let caller = connected(server).await;
    // As long as the answer allows it.
    let filler = "x".repeat(200_000);
    caller.send(json!({"type": "no.such.event", "filler": filler})).await;
    caller.until("an error", |told| told.count("error") > 0).await;
    assert_eq!(caller.told().events.last().unwrap()["error"]["code"], "unknown_event_type");
    caller.say(&question()).await;
    caller.until("sound", |told| told.loud > 10).await;
}

#[tokio::test]
async fn calls_come_in_by_either_internet_protocol() {
    let settings = [("PARLA_RTC_LISTEN", "[::]:0"), ("PARLA_RTC_ADDRESSES", "127.0.0.1,::1")];
    let Stage { server, .. } = &stage(&settings).await;
    for ip in ["127.0.0.1", "::1"] {
        let caller = Phone::dial_from(ip, server, Habit::Usual).await;
        caller.until("the session", |told| told.count("session.created") > 0).await;
        caller.say(&question()).await;
        caller.until("sound", |told| told.loud > 10).await;
    }
}
