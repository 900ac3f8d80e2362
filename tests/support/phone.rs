//! A caller whose call goes on by itself, in a task of its own, while a test gives it orders and looks at what has come.
//! It speaks as in real time and judges nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![allow(unreachable_pub, reason = "the tests beside it use it")]

use std::{sync::Arc, time::Duration};

use parla::{audio::opus::OpusDecoder, domain::AudioFrame};
use reqwest::Method;
use serde_json::Value;
use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    caller::{Caller, Habit, RATE, answer_to, packets_of},
    server::{PATIENCE, Server},
    speech::{self, Speech},
};

/// Orders that wait; whoever gives more waits, too.
const ORDERS: usize = 64;
/// Of 32,767: far above what a codec makes of silence.
const AUDIBLE: u16 = 1000;

/// A call that goes on; dropping it leaves without a word.
pub struct Phone {
    place: String,
    told: watch::Receiver<Told>,
    orders: mpsc::Sender<Order>,
    _task: AbortOnDropHandle<()>,
}

/// What has come of a call so far.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub is_connected: bool,
    /// Packets of the tutor's voice, and how many of them are loud.
    pub packets: usize,
    pub loud: usize,
    pub events: Vec<Value>,
    /// Bytes to the server, and from it.
    pub sent: usize,
    pub received: usize,
    pub is_over: bool,
}

/// What the caller is to do at once.
type Order = Box<dyn FnOnce(&mut Caller) + Send>;

impl Phone {
    /// Offers a call and begins to connect.
    pub async fn dial(server: &Server, habit: Habit) -> Self {
        Self::dial_from("127.0.0.1", server, habit).await
    }

    pub async fn dial_from(ip: &str, server: &Server, habit: Habit) -> Self {
        let calls = server.request(Method::POST, "/v1/realtime/calls");
        let caller = Caller::dial(calls, ip, habit).await.unwrap();
        let place = caller.place.clone();
        let ((orders, given), (tell, told)) =
            (mpsc::channel(ORDERS), watch::channel(Told::default()));
        #[expect(clippy::disallowed_methods, reason = "a test's task ends with its handle")]
        let task = tokio::spawn(live(caller, given, tell));
        Self { place, told, orders, _task: AbortOnDropHandle::new(task) }
    }

    pub fn told(&self) -> Told {
        self.told.borrow().clone()
    }

    /// Waits until that holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Told) -> bool) {
        let holds = self.comes(holds).await;
        let mut told = self.told();
        told.events.retain(|event| !event["type"].as_str().unwrap().ends_with("delta"));
        assert!(holds, "{what} does not come: {told:?}");
    }

    /// Whether that comes to hold.
    pub async fn comes(&self, holds: impl Fn(&Told) -> bool) -> bool {
        let mut told = self.told.clone();
        let held = timeout(PATIENCE * 2, told.wait_for(|told| holds(told))).await;
        matches!(held, Ok(Ok(_)))
    }

    /// Says that behind what is being said.
    pub async fn say(&self, speech: &Speech) {
        let sound =
            AudioFrame { sample_rate: speech::RATE as u32, pcm: speech.pcm().to_vec().into() };
        let packets = packets_of(&sound).unwrap();
        self.order(move |caller| caller.speak(&packets)).await;
    }

    pub async fn send(&self, event: Value) {
        self.order(move |caller| caller.send(&event)).await.unwrap();
    }

    /// What is said meanwhile gets lost.
    pub async fn lose(&self, time: Duration) {
        self.order(move |caller| caller.lose(time)).await;
    }

    /// Goes on from another port, as behind an address translator that has forgotten the first one.
    pub async fn move_to_another_port(&self) {
        let socket = Caller::another_port().await.unwrap();
        self.order(move |caller| caller.go_on_from(socket)).await;
    }

    /// Finds all paths anew.
    pub async fn restart(&self, server: &Server) {
        let offer = self.order(Caller::offer_again).await.unwrap();
        let answer = answer_to(server.request(Method::POST, &self.place), offer).await.unwrap();
        let answer = answer.text().await.unwrap();
        self.order(move |caller| caller.accept(&answer)).await.unwrap();
    }

    /// The caller's own socket, and the datagrams that were sent through it last.
    pub async fn wiretap(&self) -> (Arc<UdpSocket>, Vec<Vec<u8>>) {
        self.order(|caller| caller.wiretap()).await
    }

    async fn order<T: Send + 'static>(
        &self,
        order: impl FnOnce(&mut Caller) -> T + Send + 'static,
    ) -> T {
        let (give, given) = oneshot::channel();
        let order: Order = Box::new(|caller| drop(give.send(order(caller))));
        drop(self.orders.send(order).await);
        given.await.unwrap_or_else(|_| panic!("the caller has gone: {:?}", self.told()))
    }
}

impl Told {
    pub fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| event["type"] == kind).count()
    }

    /// Takes over what is new.
    fn note(&mut self, caller: &Caller, ear: &mut OpusDecoder) {
        self.is_connected = caller.is_connected();
        (self.sent, self.received) = caller.bytes();
        let events = caller.told.iter().skip(self.events.len());
        self.events.extend(events.map(|(_, event)| event.clone()));
        for packet in caller.heard.iter().skip(self.packets) {
            let heard = ear.decode(&packet.opus).unwrap_or_default();
            self.packets += 1;
            self.loud += usize::from(heard.iter().any(|one| one.unsigned_abs() > AUDIBLE));
        }
    }
}

/// Lives as long as the call and its phone.
async fn live(mut caller: Caller, mut orders: mpsc::Receiver<Order>, told: watch::Sender<Told>) {
    let mut ear = OpusDecoder::new(RATE).unwrap();
    while !told.borrow().is_over {
        let is_over = tokio::select! {
            lived = caller.step() => lived.is_err(),
            Some(order) = orders.recv() => {
                order(&mut caller);
                false
            }
        };
        told.send_modify(|told| {
            told.note(&caller, &mut ear);
            told.is_over = is_over;
        });
    }
}
