//! What a session is told of parla's limits.

use super::*;

/// What the newest response was told.
fn told(script: &mut Script) -> Value {
    let effects = script
        .protocol
        .handle(Input::Client(json!({"type": "response.create"}).as_object().cloned().unwrap()));
    script.client(json!({"type": "response.cancel"}));
    let events = effects.iter().filter_map(|effect| match effect {
        Effect::Send(event) => Some(event),
        _ => None,
    });
    let mut limits = events.filter(|event| event["type"] == "rate_limits.updated");
    limits.next().unwrap()["rate_limits"].clone()
}

#[test]
fn a_response_says_what_is_left_to_its_user() {
    let mut script = Script::new();
    script.protocol.allow(Allowance { limit: 256, remaining: 200, per_second: 20 });
    let limit = |remaining: u32, reset: f64| json!([{"name": "requests", "limit": 256, "remaining": remaining, "reset_seconds": reset}]);
    assert_eq!(told(&mut script), limit(199, 2.85));
    script.at(1000);
    assert_eq!(told(&mut script), limit(219, 1.85));
    script.protocol.allow(Allowance { limit: 256, remaining: 0, per_second: 20 });
    assert_eq!(told(&mut script), limit(0, 12.8));
    script.at(60_000);
    assert_eq!(told(&mut script), limit(255, 0.05));
}
