//! The system's programs that play a sound. What they play lies in a file only as long as they do.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
    process::Stdio,
};

use bytes::Bytes;
use parla::domain::random_token;
use tokio::process::Command;

/// Programs and what comes before the file, the most usual first.
const KNOWN: [(&str, &[&str]); 6] = [
    ("pw-play", &[]),
    ("paplay", &[]),
    ("aplay", &["-q"]),
    ("afplay", &[]),
    ("ffplay", &["-nodisp", "-autoexit", "-loglevel", "quiet"]),
    ("play", &["-q"]),
];

/// A program that is there; whether it finds a loudspeaker shows when it plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Player {
    program: PathBuf,
    arguments: &'static [&'static str],
}

impl Player {
    /// All that are found in the folders of `path`, which is written as `PATH` is.
    pub(super) fn all(path: &str) -> Vec<Self> {
        let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
        let found = KNOWN.into_iter().filter_map(|(name, arguments)| {
            let mut programs = folders.iter().map(|folder| folder.join(name));
            Some(Self { program: programs.find(|program| program.is_file())?, arguments })
        });
        found.collect()
    }

    /// The names of those that are looked for.
    pub(super) fn names() -> String {
        KNOWN.map(|(name, _)| name).join(", ")
    }

    /// Plays what `sound` fetches, to its end; `false` when the program cannot. Dropping the wait silences it.
    pub(super) async fn play(
        self,
        sound: impl Future<Output = anyhow::Result<Bytes>>,
    ) -> anyhow::Result<bool> {
        let file = SoundFile::write(&sound.await?)?;
        let mut command = Command::new(&self.program);
        command.args(self.arguments).arg(&file.0).kill_on_drop(true);
        // Ctrl-C stops the tutor, which silences the player in its own way.
        #[cfg(unix)]
        command.process_group(0);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(quiet.status().await.is_ok_and(|status| status.success()))
    }
}

/// A file that goes with this handle.
struct SoundFile(PathBuf);

impl SoundFile {
    fn write(sound: &[u8]) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("parla-{}.wav", random_token()));
        OpenOptions::new().write(true).create_new(true).open(&path)?.write_all(sound)?;
        Ok(Self(path))
    }
}

impl Drop for SoundFile {
    fn drop(&mut self) {
        // A file that is gone already needs no removing.
        drop(std::fs::remove_file(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_are_found_by_path_the_most_usual_first() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let path = std::env::join_paths([one.path(), other.path()]).unwrap();
        let path = path.to_str().unwrap();
        assert!(Player::all(path).is_empty());
        std::fs::write(one.path().join("ffplay"), "").unwrap();
        std::fs::write(other.path().join("aplay"), "").unwrap();
        let found: Vec<_> = Player::all(path).into_iter().map(|player| player.program).collect();
        assert_eq!(found, [other.path().join("aplay"), one.path().join("ffplay")]);
    }
}
