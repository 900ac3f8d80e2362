//! Calls over WebRTC: how they begin and end, what the port drops, what the network loses. It knows no caller.

use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::{by_name::ByName, seconds};

const DROPPED: &[&str] = &["unknown", "too_long", "flood", "full"];
const ENDINGS: &[&str] = &["hung_up", "left", "never_connected", "vanished", "flood"];

/// Calls and their packets.
#[derive(Clone)]
pub struct CallMetrics {
    open: Gauge,
    connected: Counter,
    endings: ByName<Counter>,
    dropped: ByName<Counter>,
    lost: Counter,
    events_lost: Counter,
    late: Histogram,
}

/// Why a datagram was dropped unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It is for no call.
    Unknown,
    TooLong,
    /// Its call gets more than any voice sends.
    Flood,
    /// Its call has not got to those before it.
    Full,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By the server, or by a request to it.
    HungUp,
    /// By the caller.
    Left,
    NeverConnected,
    /// The caller was not heard of any more.
    Vanished,
    /// The caller sent more events than anybody could read.
    Flood,
}

/// A call that counts as open until this is dropped.
#[must_use]
pub struct OpenCall(Gauge);

impl CallMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let calls = Self {
            open: Gauge::default(),
            connected: Counter::default(),
            endings: ByName::new("ending", ENDINGS),
            dropped: ByName::new("reason", DROPPED),
            lost: Counter::default(),
            events_lost: Counter::default(),
            late: seconds(),
        };
        registry.register(
            "calls",
            "Calls, those that are not connected yet too",
            calls.open.clone(),
        );
        registry.register("calls_connected", "Calls connected so far", calls.connected.clone());
        registry.register("calls_ended", "Calls that ended, by how", calls.endings.clone());
        let help = "Datagrams at the port of calls that were dropped unread";
        registry.register("call_datagrams_dropped", help, calls.dropped.clone());
        let help = "Packets of callers' voices that never came";
        registry.register("call_packets_lost", help, calls.lost.clone());
        let help = "Events that callers did not take";
        registry.register("call_events_lost", help, calls.events_lost.clone());
        let help = "By how many seconds packets of the tutor's voice left late";
        registry.register("call_frame_late_seconds", help, calls.late.clone());
        calls
    }

    pub fn open(&self) -> OpenCall {
        self.open.inc();
        OpenCall(self.open.clone())
    }

    pub fn connected(&self) {
        self.connected.inc();
    }

    pub fn ended(&self, ending: Ending) {
        let name = match ending {
            Ending::HungUp => "hung_up",
            Ending::Left => "left",
            Ending::NeverConnected => "never_connected",
            Ending::Vanished => "vanished",
            Ending::Flood => "flood",
        };
        self.endings.of(name).inc();
    }

    pub fn dropped(&self, reason: Dropped) {
        let name = match reason {
            Dropped::Unknown => "unknown",
            Dropped::TooLong => "too_long",
            Dropped::Flood => "flood",
            Dropped::Full => "full",
        };
        self.dropped.of(name).inc();
    }

    pub fn packets_lost(&self, count: u64) {
        self.lost.inc_by(count);
    }

    pub fn event_lost(&self) {
        self.events_lost.inc();
    }

    pub fn frame_late(&self, by: Duration) {
        self.late.observe(by.as_secs_f64());
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.dec();
    }
}
