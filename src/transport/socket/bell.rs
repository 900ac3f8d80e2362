//! Rings when a socket's task is woken for anything but an event, and polls the rest only then. It waits for nothing itself.
//!
//! Thousands are woken for one event at once, and for nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// Tells wakes of what is polled through it from other wakes of the same task.
pub(super) struct Bell {
    ring: Arc<Ring>,
    waker: Waker,
}

struct Ring {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Default for Bell {
    fn default() -> Self {
        let ring = Arc::new(Ring { has_rung: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { waker: Arc::clone(&ring).into(), ring }
    }
}

impl Bell {
    /// Polls what has been woken since it was pending, or has never been; it must keep its wakers when it is dropped.
    pub(super) fn poll<T>(
        &self,
        context: &Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        // A wake between these two is seen by the second.
        self.ring.task.register(context.waker());
        if !self.ring.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let polled = poll(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            // Nobody knows yet what comes next.
            self.ring.has_rung.store(true, Ordering::Release);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn, time::Duration};

    use futures_util::poll;
    use tokio::{
        sync::Notify,
        time::{Instant, timeout},
    };

    use super::*;

    #[tokio::test]
    async fn what_was_not_woken_is_not_polled() {
        let (bell, news, polls) = (Bell::default(), Notify::new(), Cell::new(0));
        let mut rung = std::pin::pin!(news.notified());
        let mut waiting = std::pin::pin!(poll_fn(|context| {
            bell.poll(context, |context| {
                polls.set(polls.get() + 1);
                rung.as_mut().poll(context)
            })
        }));
        assert!(poll!(waiting.as_mut()).is_pending());
        assert!(poll!(waiting.as_mut()).is_pending());
        assert_eq!(polls.get(), 1);
        news.notify_one();
        assert!(poll!(waiting.as_mut()).is_ready());
        assert_eq!(polls.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn its_wake_wakes_the_task_and_what_is_ready_is_polled_again() {
        let (bell, news) = (Bell::default(), Notify::new());
        let waiting = async {
            for _ in 0..2 {
                let mut rung = std::pin::pin!(news.notified());
                poll_fn(|context| bell.poll(context, |context| rung.as_mut().poll(context))).await;
            }
        };
        let ringing = async {
            for _ in 0..2 {
                tokio::task::yield_now().await;
                news.notify_one();
            }
        };
        let began = Instant::now();
        // Its end would wake them, too.
        let both = timeout(Duration::from_secs(5), async { tokio::join!(waiting, ringing) });
        assert!(both.await.is_ok() && began.elapsed() < Duration::from_secs(5), "nobody was woken");
    }
}
