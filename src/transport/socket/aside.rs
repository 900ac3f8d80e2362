//! What a socket waits for beside events. Thousands are woken for one event at once, and for nothing else: what has not
//! been woken is not looked at. It waits for nothing itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// Tells wakes of what is polled through it from other wakes of the same task.
pub(super) struct Aside {
    bell: Arc<Bell>,
    waker: Waker,
}

struct Bell {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Default for Aside {
    fn default() -> Self {
        let bell = Arc::new(Bell { has_rung: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { waker: Arc::clone(&bell).into(), bell }
    }
}

impl Aside {
    /// Polls what has been woken since it was pending, or has never been; it must keep its wakers when it is dropped.
    pub(super) fn poll<T>(
        &self,
        context: &Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        // A wake between these two is seen by the second.
        self.bell.task.register(context.waker());
        if !self.bell.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let polled = poll(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            // Nobody knows yet what comes next.
            self.bell.has_rung.store(true, Ordering::Release);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn};

    use futures_util::poll;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn what_was_not_woken_is_not_polled() {
        let (aside, bell, polls) = (Aside::default(), Notify::new(), Cell::new(0));
        let mut rung = std::pin::pin!(bell.notified());
        let mut waiting = std::pin::pin!(poll_fn(|context| {
            aside.poll(context, |context| {
                polls.set(polls.get() + 1);
                rung.as_mut().poll(context)
            })
        }));
        assert!(poll!(waiting.as_mut()).is_pending());
        assert!(poll!(waiting.as_mut()).is_pending());
        assert_eq!(polls.get(), 1);
        bell.notify_one();
        assert!(poll!(waiting.as_mut()).is_ready());
        assert_eq!(polls.get(), 2);
    }

    #[tokio::test]
    async fn its_wake_wakes_the_task_and_what_is_ready_is_polled_again() {
        let (aside, bell) = (Aside::default(), Notify::new());
        let waiting = async {
            for _ in 0..2 {
                let mut rung = std::pin::pin!(bell.notified());
                poll_fn(|context| aside.poll(context, |context| rung.as_mut().poll(context))).await;
            }
        };
        let ringing = async {
            for _ in 0..2 {
                tokio::task::yield_now().await;
                bell.notify_one();
            }
        };
        tokio::join!(waiting, ringing);
    }
}
