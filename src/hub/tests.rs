//! What a log promises its listeners.

use std::time::Duration;

use crate::{domain::TurnId, telemetry::metrics::FrameKind};

use super::*;

fn turn(name: &str) -> TurnId {
    TurnId::parse(name).unwrap()
}

fn durable(name: &str) -> Event {
    Event::ConversationStopped { turn: turn(name), text: String::new() }
}

fn transient(text: &str) -> Event {
    Event::TextDelta { turn: turn("t"), text: text.to_owned() }
}

fn topic() -> Topic {
    Topic::Conversation(ConversationId::parse("c").unwrap())
}

fn everything(resume: Option<Resume>) -> Interest {
    Interest { resume, deltas: true }
}

fn names(events: &[Arc<Published>]) -> Vec<String> {
    let name = |published: &Arc<Published>| match &published.event {
        Event::ConversationStopped { turn, .. } => turn.to_string(),
        Event::TextDelta { text, .. } => format!("~{text}"),
        other => panic!("unexpected {other:?}"),
    };
    events.iter().map(name).collect()
}

#[tokio::test]
async fn a_listener_hears_what_is_published_after_it_came() {
    let log = Hub::new().log(&topic());
    log.publish(durable("before"));
    let mut cursor = log.subscribe(&everything(None)).cursor;
    log.publish(transient("hel"));
    log.publish(durable("after"));
    let events = cursor.next().await.unwrap();
    assert_eq!(names(&events), ["~hel", "after"]);
    assert_eq!((events[0].seq, events[1].seq), (None, Some(2)));
}

#[tokio::test]
async fn resuming_gets_exactly_the_missing_durable_events() {
    let log = Hub::new().log(&topic());
    for name in ["one", "two", "three"] {
        log.publish(durable(name));
        log.publish(transient("lost"));
    }
    let resume = Resume { epoch: log.epoch().to_owned(), after: 1 };
    let Subscription { mut cursor, seq, recovered } = log.subscribe(&everything(Some(resume)));
    assert!(recovered);
    assert_eq!(seq, 3);
    log.publish(transient("live"));
    assert_eq!(names(&cursor.next().await.unwrap()), ["two", "three", "~live"]);
}

#[test]
fn a_client_that_missed_nothing_recovers_too() {
    let log = Hub::new().log(&topic());
    log.publish(durable("one"));
    for after in [0, 1] {
        let resume = Resume { epoch: log.epoch().to_owned(), after };
        assert!(log.subscribe(&everything(Some(resume))).recovered, "{after}");
    }
}

#[test]
fn an_old_epoch_a_future_number_and_a_forgotten_one_do_not_recover() {
    let log = Hub::new().log(&topic());
    for _ in 0..600 {
        log.publish(durable("x"));
    }
    let resume = |epoch: &str, after| Resume { epoch: epoch.to_owned(), after };
    assert!(!log.subscribe(&everything(Some(resume("other", 599)))).recovered);
    assert!(!log.subscribe(&everything(Some(resume(log.epoch(), 601)))).recovered);
    assert!(!log.subscribe(&everything(Some(resume(log.epoch(), u64::MAX)))).recovered);
    assert!(!log.subscribe(&everything(Some(resume(log.epoch(), 5)))).recovered);
    assert!(log.subscribe(&everything(Some(resume(log.epoch(), 88)))).recovered);
}

#[test]
fn a_listener_that_falls_off_the_old_end_is_told() {
    let log = Hub::new().log(&topic());
    let mut cursor = log.subscribe(&everything(None)).cursor;
    for _ in 0..513 {
        log.publish(durable("x"));
    }
    assert_eq!(cursor.take().unwrap_err(), Lagged);
}

#[test]
fn a_flood_of_text_is_bounded_in_bytes() {
    let log = Hub::new().log(&topic());
    let mut cursor = log.subscribe(&everything(None)).cursor;
    for _ in 0..20 {
        log.publish(transient(&"x".repeat(100_000)));
    }
    assert_eq!(cursor.take().unwrap_err(), Lagged);
}

#[test]
fn a_long_backlog_is_taken_in_batches_and_in_order() {
    let log = Hub::new().log(&topic());
    let mut cursor = log.subscribe(&everything(None)).cursor;
    for _ in 0..150 {
        log.publish(durable("x"));
    }
    let seqs: Vec<u64> = std::iter::from_fn(|| {
        let batch = cursor.take().unwrap();
        assert!(batch.len() <= 64);
        (!batch.is_empty()).then_some(batch)
    })
    .flatten()
    .filter_map(|published| published.seq)
    .collect();
    assert_eq!(seqs, (1..=150).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_log_outlives_its_last_listener_for_the_resume_window() {
    let hub = Hub::new();
    let cursor = hub.log(&topic()).subscribe(&everything(None)).cursor;
    tokio::time::advance(Duration::from_secs(300)).await;
    hub.sweep(Instant::now());
    assert_eq!(hub.len(), 1);
    drop(cursor);
    tokio::time::advance(RESUME_WINDOW - Duration::from_secs(1)).await;
    hub.sweep(Instant::now());
    assert_eq!(hub.len(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    hub.sweep(Instant::now());
    assert!(hub.is_empty());
}

#[test]
fn an_event_is_encoded_once_for_all_its_readers() {
    let log = Hub::new().log(&topic());
    let mut cursors =
        [log.subscribe(&everything(None)).cursor, log.subscribe(&everything(None)).cursor];
    log.publish(durable("x"));
    let mut encoded = 0;
    for cursor in &mut cursors {
        for published in cursor.take().unwrap() {
            published.frame(0, || {
                encoded += 1;
                Frame::new(FrameKind::of("typing"), "frame".to_owned())
            });
        }
    }
    assert_eq!(encoded, 1);
}

#[test]
fn what_only_one_was_there_for_is_not_kept_encoded() {
    let log = Hub::new().log(&topic());
    let mut cursor = log.subscribe(&everything(None)).cursor;
    log.publish(durable("x"));
    let published = cursor.take().unwrap().pop().unwrap();
    let frame = |text: &str| {
        published
            .frame(0, || Frame::new(FrameKind::of("typing"), text.to_owned()))
            .text()
            .to_owned()
    };
    assert_eq!([frame("first"), frame("second")], ["first", "second"]);
}

#[test]
fn transient_events_take_no_room_from_what_can_be_resumed() {
    let log = Hub::new().log(&topic());
    let mut reader = log.subscribe(&everything(None)).cursor;
    log.publish(durable("one"));
    log.publish(durable("two"));
    for _ in 0..10_000 {
        log.publish(transient("typing"));
        assert!(reader.take().is_ok());
    }
    let resume = Resume { epoch: log.epoch().to_owned(), after: 1 };
    let Subscription { mut cursor, recovered, .. } = log.subscribe(&everything(Some(resume)));
    assert!(recovered);
    log.publish(durable("three"));
    assert_eq!(names(&all(&mut cursor)), ["two", "three"]);
}

fn all(cursor: &mut Cursor) -> Vec<Arc<Published>> {
    let mut events = Vec::new();
    loop {
        let before = cursor.position();
        events.extend(cursor.take().unwrap());
        if cursor.position() == before {
            return events;
        }
    }
}

#[test]
fn a_transient_event_goes_with_the_last_one_who_takes_it() {
    let log = Hub::new().log(&topic());
    let mut cursors = [(); 2].map(|()| log.subscribe(&everything(None)).cursor);
    log.publish(transient("hel"));
    log.publish(durable("one"));
    let held = cursors.each_mut().map(|cursor| {
        let events = cursor.take().unwrap();
        assert_eq!(names(&events), ["~hel", "one"]);
        events.iter().map(Arc::downgrade).collect::<Vec<_>>()
    });
    let is_there = held[0].iter().map(|event| event.upgrade().is_some());
    assert_eq!(is_there.collect::<Vec<_>>(), [false, true]);
}

#[test]
fn who_comes_later_or_goes_early_takes_nothing_from_others() {
    let log = Hub::new().log(&topic());
    let mut first = log.subscribe(&everything(None)).cursor;
    let second = log.subscribe(&everything(None)).cursor;
    log.publish(durable("one"));
    log.publish(transient("hel"));
    let resume = Resume { epoch: log.epoch().to_owned(), after: 0 };
    let mut late = log.subscribe(&everything(Some(resume))).cursor;
    drop(second);
    assert_eq!(names(&late.take().unwrap()), ["one"]);
    assert_eq!(names(&first.take().unwrap()), ["one", "~hel"]);
    log.publish(transient("lo"));
    assert_eq!(names(&late.take().unwrap()), ["~lo"]);
    assert_eq!(names(&first.take().unwrap()), ["~lo"]);
}

#[test]
fn text_that_nobody_wants_is_not_published() {
    let log = Hub::new().log(&topic());
    let mut plain = log.subscribe(&Interest::default()).cursor;
    log.publish(transient("hel"));
    assert_eq!(plain.take().unwrap().len(), 0);
    let eager = log.subscribe(&everything(None)).cursor;
    log.publish(transient("lo"));
    assert_eq!(names(&plain.take().unwrap()), ["~lo"]);
    drop(eager);
    log.publish(transient("gone"));
    assert_eq!(plain.take().unwrap().len(), 0);
}
