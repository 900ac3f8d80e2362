//! The cache over a real folder, damaged in the ways that folders are.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
    time::SystemTime,
};

use tempfile::TempDir;
use tokio::time::sleep;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::{synthesis::fake::spoken, telemetry::metrics::Metrics};

struct Rig {
    cache: AudioCache,
    shutdown: Shutdown,
    /// Inside a temporary folder, made by the cache.
    folder: PathBuf,
    home: TempDir,
}

impl Rig {
    fn new() -> Self {
        Self::over(tempfile::tempdir().unwrap(), CacheSettings::default())
    }

    fn over(home: TempDir, settings: CacheSettings) -> Self {
        let folder = home.path().join("sounds");
        let shutdown = Shutdown::new();
        let settings = CacheSettings { folder: folder.clone(), ..settings };
        Self {
            cache: AudioCache::open(settings, Metrics::default().cache, &shutdown),
            shutdown,
            folder,
            home,
        }
    }

    /// Made twice, which is once more than it takes to be written.
    fn put(&self, text: &str) -> Spoken {
        self.put_once(text);
        self.put_once(text)
    }

    fn put_once(&self, text: &str) -> Spoken {
        let spoken = spoken(text, 100);
        self.cache.put(&Arc::new(spoken.clone()));
        spoken
    }

    /// Forgets what is in memory.
    async fn restart(self) -> Self {
        settle().await;
        let rig = Self::over(self.home, CacheSettings::default());
        settle().await;
        rig
    }

    async fn has(&self, sound: &Spoken) -> bool {
        self.cache.fetch(sound.key).await.as_deref() == Some(sound)
    }

    fn path(&self, sound: &Spoken) -> PathBuf {
        self.folder.join(format!("{}.sound", sound.key))
    }

    fn files(&self) -> usize {
        fs::read_dir(&self.folder).map_or(0, Iterator::count)
    }
}

/// Paused time moves on only when the writer rests.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_sound_is_found_after_a_restart_and_nothing_else_is_in_the_folder() {
    let rig = Rig::new();
    let sound = rig.put("Hola");
    let rig = rig.restart().await;
    assert!(rig.cache.memory().get(&sound.key).is_none());
    assert!(rig.has(&sound).await);
    assert!(rig.cache.memory().get(&sound.key).is_some());
    assert_eq!(rig.files(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_wanted_again_is_written() {
    let rig = Rig::new();
    let [once, again] = ["Hola", "Buenas"].map(|text| rig.put_once(text));
    settle().await;
    assert!(rig.has(&once).await && rig.has(&again).await);
    assert_eq!(rig.files(), 0);
    assert_eq!(rig.cache.again(&again.key).as_deref(), Some(&again));
    settle().await;
    assert!(rig.path(&again).exists());
    assert_eq!(rig.files(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_leaves_memory_before_it_was_fetched_is_written() {
    let settings = CacheSettings { awaited_bytes: 6000, ..CacheSettings::default() };
    let rig = Rig::over(tempfile::tempdir().unwrap(), settings);
    let [heard, unheard] = ["a", "b"].map(|text| rig.put_once(text));
    assert_eq!(rig.cache.fetch(heard.key).await.as_deref(), Some(&heard));
    for text in ["c", "d"] {
        rig.put_once(text);
    }
    settle().await;
    assert!(!rig.path(&heard).exists() && rig.path(&unheard).exists());
    assert!(rig.cache.memory().get(&unheard.key).is_none() && rig.has(&unheard).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_leaves_memory_without_pushing_out_what_is_awaited() {
    let settings = CacheSettings { memory_bytes: 6000, ..CacheSettings::default() };
    let rig = Rig::over(tempfile::tempdir().unwrap(), settings);
    let awaited = rig.put_once("awaited");
    let heard = ["a", "b", "c"].map(|text| rig.put_once(text));
    for sound in &heard {
        assert!(rig.has(sound).await);
    }
    settle().await;
    assert!(rig.cache.memory().get(&heard[0].key).is_none() && rig.has(&heard[2]).await);
    assert!(rig.has(&awaited).await);
    assert_eq!(rig.files(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_or_foreign_file_is_deleted_and_absent() {
    let damages: [fn(&mut Vec<u8>); 4] = [
        |file| file.truncate(file.len() / 2),
        |file| file[200] ^= 1,
        |file| file.clear(),
        |file| *file = b"<html>not a sound</html>".to_vec(),
    ];
    for damage in damages {
        let rig = Rig::new();
        let sound = rig.put("Hola");
        let rig = rig.restart().await;
        let mut file = fs::read(rig.path(&sound)).unwrap();
        damage(&mut file);
        fs::write(rig.path(&sound), file).unwrap();
        assert!(!rig.has(&sound).await);
        assert!(!rig.path(&sound).exists());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_file_is_absent_and_written_again() {
    let rig = Rig::new();
    let sound = rig.put("Hola");
    let rig = rig.restart().await;
    fs::remove_file(rig.path(&sound)).unwrap();
    assert!(!rig.has(&sound).await);
    rig.put("Hola");
    assert!(rig.restart().await.has(&sound).await);
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_unfinished_is_removed_and_what_is_not_ours_stays() {
    let rig = Rig::new();
    let sound = rig.put("Hola");
    settle().await;
    fs::write(rig.folder.join(format!("{}.x.partial", sound.key)), "half").unwrap();
    fs::write(rig.folder.join("README.partial"), "of somebody else").unwrap();
    fs::write(rig.folder.join("notes.sound"), "of somebody else").unwrap();
    let rig = rig.restart().await;
    assert_eq!(rig.files(), 3);
    assert!(rig.has(&sound).await);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_planted_link_is_not_followed_and_gives_way() {
    let rig = Rig::new();
    let sound = rig.put("Hola");
    let rig = rig.restart().await;
    let elsewhere = rig.home.path().join("elsewhere");
    fs::rename(rig.path(&sound), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, rig.path(&sound)).unwrap();
    let before = fs::read(&elsewhere).unwrap();
    assert!(!rig.has(&sound).await);
    rig.put("Hola");
    settle().await;
    assert!(fs::symlink_metadata(rig.path(&sound)).unwrap().is_file());
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_planted_pipe_or_folder_is_absent() {
    let rig = Rig::new();
    let (pipe, folder) = (spoken("pipe", 100), spoken("folder", 100));
    settle().await;
    let made = std::process::Command::new("mkfifo").arg(rig.path(&pipe)).status().unwrap();
    assert!(made.success());
    fs::create_dir(rig.path(&folder)).unwrap();
    let began = std::time::Instant::now();
    assert!(!rig.has(&pipe).await && !rig.has(&folder).await);
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn the_folder_stays_within_its_size_and_the_oldest_goes_first() {
    let rig = Rig::new();
    let sounds = ["a", "b", "c"].map(|text| rig.put(text));
    settle().await;
    let size = fs::metadata(rig.path(&sounds[0])).unwrap().len();
    for (age, sound) in [20, 30, 10].into_iter().zip(&sounds) {
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 - age);
        File::options().write(true).open(rig.path(sound)).unwrap().set_modified(written).unwrap();
    }
    let settings = CacheSettings { disk_bytes: 3 * size, ..CacheSettings::default() };
    let rig = Rig::over(rig.home, settings);
    settle().await;
    // "b" is the oldest file, but it has been used since.
    assert!(rig.has(&sounds[1]).await);
    rig.put("d");
    settle().await;
    let kept = sounds.map(|sound| rig.path(&sound).exists());
    assert_eq!((kept, rig.files()), ([false, true, true], 3));
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_sound_is_served_from_memory_counts_as_used() {
    let settings = CacheSettings { disk_bytes: 5000, ..CacheSettings::default() };
    let rig = Rig::over(tempfile::tempdir().unwrap(), settings);
    let known = rig.put("a");
    for text in ["b", "c", "d", "e"] {
        rig.put(text);
        assert!(rig.cache.again(&known.key).is_some());
        settle().await;
    }
    assert!(rig.path(&known).exists());
    assert_eq!(rig.files(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_limit_is_kept_from_the_start() {
    let rig = Rig::new();
    for text in ["a", "b", "c"] {
        rig.put(text);
    }
    settle().await;
    let settings = CacheSettings { disk_bytes: 2500, ..CacheSettings::default() };
    let rig = Rig::over(rig.home, settings);
    settle().await;
    assert_eq!(rig.files(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_room_on_disk_nothing_is_written() {
    let settings = CacheSettings { disk_bytes: 0, ..CacheSettings::default() };
    let rig = Rig::over(tempfile::tempdir().unwrap(), settings);
    let sound = rig.put("a");
    settle().await;
    assert!(rig.has(&sound).await);
    assert_eq!(rig.files(), 0);
}

#[tokio::test(start_paused = true)]
async fn memory_stays_within_its_size() {
    let home = tempfile::tempdir().unwrap();
    let settings = CacheSettings { awaited_bytes: 6000, ..CacheSettings::default() };
    let rig = Rig::over(home, settings);
    let sounds = ["a", "b", "c"].map(|text| rig.put(text));
    let kept = sounds.map(|sound| rig.cache.memory().get(&sound.key).is_some());
    assert_eq!(kept, [false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn when_the_disk_is_behind_sounds_are_kept_in_memory_only() {
    let rig = Rig::new();
    let sounds: Vec<_> = (0..WRITES + 5).map(|number| rig.put(&number.to_string())).collect();
    settle().await;
    assert_eq!(rig.files(), WRITES);
    assert!(sounds.iter().all(|sound| rig.cache.memory().get(&sound.key).is_some()));
}

#[tokio::test(start_paused = true)]
async fn an_unwritable_folder_is_told_once_and_recovers_by_itself() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let home = tempfile::tempdir().unwrap();
    // A file in the folder's place fails for every user, root too.
    fs::write(home.path().join("sounds"), "").unwrap();
    let rig = Rig::over(home, CacheSettings::default());
    let sound = rig.put("a");
    rig.put("b");
    settle().await;
    assert!(rig.has(&sound).await);
    assert_eq!(log.count("audio_cache_unwritable"), 1);

    fs::remove_file(&rig.folder).unwrap();
    rig.put("c");
    rig.put("d");
    settle().await;
    assert_eq!((rig.files(), log.count("audio_cache_writable")), (2, 1));

    fs::remove_dir_all(&rig.folder).unwrap();
    rig.put("e");
    settle().await;
    assert_eq!((rig.files(), log.count("audio_cache_unwritable")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_drain_writes_what_is_queued_and_no_more() {
    let rig = Rig::new();
    for text in ["a", "b", "c"] {
        rig.put(text);
    }
    let began = tokio::time::Instant::now();
    rig.shutdown.finish(Duration::from_secs(30)).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(rig.files(), 3);
    let late = rig.put("d");
    assert!(rig.has(&late).await);
    assert_eq!(rig.files(), 3);
}

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn count(&self, code: &str) -> usize {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().matches(code).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
