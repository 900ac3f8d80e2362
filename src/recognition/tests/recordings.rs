//! Recordings: they wait for whoever hears them, and nothing in them changes by that.

use super::*;
/// The marks in a long sentence's sound for a transcriber that thinks for so long about each second of it.
async fn marks(thinks: Duration) -> Vec<String> {
    struct Pensive(Duration, Arc<Mutex<Vec<String>>>);
    impl Transcriber for Pensive {
        fn name(&self) -> &'static str {
            "pensive"
        }
        fn patience(&self) -> Duration {
            Duration::from_secs(3_600)
        }
        fn pace(&self) -> Pace {
            Pace::Free
        }
        fn listen(&self, _: ListenRequest, sound: BoxStream<'static, Sound>) -> Said {
            let (thinks, taken) = (self.0, Arc::clone(&self.1));
            let hear = move |sound: Sound| {
                let share = match &sound {
                    Sound::Frame(frame) => frame.duration_ms() as u32,
                    mark => {
                        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                        taken.push(format!("{mark:?}"));
                        0
                    }
                };
                tokio::time::sleep(thinks * share / 1_000)
            };
            sound.then(hear).filter_map(async |()| None).boxed()
        }
        fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
            async { Ok(()) }.boxed()
        }
    }
    let taken = Arc::default();
    let ears = Pensive(thinks, Arc::clone(&taken));
    let ears = Ears::new(Some(Arc::new(ears)), Metrics::default().hearing, Shutdown::new());
    let sentence = spoken(
        "en",
        "Whenever we are wondering where our only umbrella may be we wander along the river all morning",
    );
    let recording = crate::domain::AudioFrame { sample_rate: 16_000, pcm: pcm(&sentence.samples) };
    ears.transcribe(&recording, ListenRequest::default()).await.unwrap();
    let taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    taken.clone()
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_waits_is_no_voice_that_has_gone() {
    let quick = marks(Duration::ZERO).await;
    assert!(quick.contains(&"VoiceOff".to_owned()), "{quick:?}");
    assert_eq!(marks(Duration::from_secs(90)).await, quick);
}
