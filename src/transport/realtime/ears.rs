//! A call's microphone: opened by the protocol, fed at the pace that it takes. It hears nothing itself.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::{sync::mpsc, time::sleep};

use crate::{
    conversation::{Conversation, VoiceId, VoiceManner, VoiceReport, VoiceStart},
    domain::Failure,
    recognition::{HearError, Microphone},
    session::Session,
};

/// Errands that may wait before no more is read from the client: ten seconds of sound.
const WAITING: usize = 100;
/// What is given to a microphone at once, in bytes: a tenth of a second of the largest format.
const PIECE: usize = 4_800;

/// The microphone of a call, and what is still to be done with it, in order.
#[derive(Default)]
pub(super) struct Ears {
    open: Option<(Microphone, VoiceId)>,
    reports: Option<mpsc::Receiver<VoiceReport>>,
    errands: VecDeque<Errand>,
    /// Something was committed: what came after it waits until its words are known, or they would be one turn.
    awaits_words: bool,
}

/// Something that has to wait for the sound before it.
pub(super) enum Errand {
    Sound(Bytes),
    Commit,
    Clear,
    Retune(VoiceManner),
}

impl Ears {
    /// Opens the microphone anew.
    ///
    /// # Errors
    /// When nobody can hear, or not in that format.
    pub(super) async fn open(
        &mut self,
        session: &Session,
        start: VoiceStart,
    ) -> Result<(), Failure> {
        let (told, reports) = VoiceReport::channel();
        let start = VoiceStart { reports: Some(told), ..start };
        let user = session.user().id.clone();
        self.open = Some(session.conversation().hear(user, start).await?);
        self.reports = Some(reports);
        Ok(())
    }

    /// What was said until then is the learner's turn.
    pub(super) fn close(&mut self) {
        self.open = None;
        self.errands.clear();
        self.awaits_words = false;
    }

    /// Does that after all sound that has come before.
    pub(super) fn put(&mut self, errand: Errand) {
        match errand {
            Errand::Sound(sound) => {
                let pieces = (0..sound.len()).step_by(PIECE);
                let piece = |from: usize| sound.slice(from..sound.len().min(from + PIECE));
                self.errands.extend(pieces.map(|from| Errand::Sound(piece(from))));
            }
            other => self.errands.push_back(other),
        }
    }

    /// So much waits that the client has to wait, too.
    pub(super) fn is_full(&self) -> bool {
        self.errands.len() >= WAITING
    }

    /// What is told of the voice next, or `None` when an errand has been done or nothing more will be told; never when
    /// there is neither. Giving up the wait loses nothing.
    pub(super) async fn next(&mut self, conversation: &Conversation) -> Option<VoiceReport> {
        let Self { open, reports, errands, awaits_words } = self;
        let has_waited = *awaits_words;
        let report = tokio::select! {
            report = report(reports) => report,
            done = work(open, errands, conversation), if !has_waited => {
                *awaits_words = done;
                return None;
            }
        };
        *awaits_words &= report.as_ref().is_some_and(|report| !answers_commit(report));
        report
    }
}

/// `None` once nothing more will be told.
async fn report(from: &mut Option<mpsc::Receiver<VoiceReport>>) -> Option<VoiceReport> {
    let Some(reports) = from else { return std::future::pending().await };
    let report = reports.recv().await;
    if report.is_none() {
        *from = None;
    }
    report
}

fn answers_commit(report: &VoiceReport) -> bool {
    match report {
        VoiceReport::Ended { .. } | VoiceReport::Failed(_) => true,
        VoiceReport::NothingSaid { was_committed } => *was_committed,
        _ => false,
    }
}

/// Does the first errand; whether it was a commit.
async fn work(
    open: &mut Option<(Microphone, VoiceId)>,
    errands: &mut VecDeque<Errand>,
    conversation: &Conversation,
) -> bool {
    let Some(errand) = errands.front() else { return std::future::pending().await };
    let Some((microphone, id)) = open else {
        errands.clear();
        return false;
    };
    match errand {
        Errand::Sound(sound) => match microphone.hear(sound.clone()) {
            Err(HearError::TooFast { retry_after }) => {
                sleep(retry_after).await;
                return false;
            }
            Err(HearError::Gone) => *open = None,
            // What cannot be read is left out: the next piece may be better.
            Ok(()) | Err(HearError::Bad(_)) => {}
        },
        Errand::Commit => conversation.commit_voice(*id).await,
        Errand::Clear => conversation.clear_voice(*id).await,
        Errand::Retune(manner) => conversation.retune_voice(*id, *manner).await,
    }
    matches!(errands.pop_front(), Some(Errand::Commit))
}
