//! Whether what parla keeps is in order: folders, database, lessons, and who may read keys. What it writes it removes.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use parla::{
    config::Settings,
    conversation::prompt::Prompter,
    domain::random_token,
    prompts::{Prompts, lessons::FOLDER},
    providers::practice::check,
    storage::{self, StorageError},
};

use super::{Finding, Pending, pending, pending_on_thread};

/// Room below which a folder will soon be full, in bytes: twice of what the audio cache takes.
const SCARCE: u64 = 1 << 30;
/// Room below which nothing can be relied on, in bytes.
const TOO_LITTLE: u64 = 16 << 20;

pub(super) fn checks(settings: &Settings, file: PathBuf) -> Vec<Pending> {
    let (data, audio) = (settings.data.clone(), settings.audio_cache.clone());
    let database = settings.database();
    let prompts = settings.prompts.clone();
    let secret = settings.secret();
    vec![
        pending_on_thread("data folder", move || data_folder(&data)),
        pending("database", async move { inspected(&database).await }),
        pending_on_thread("audio cache", move || audio_cache(&audio)),
        pending_on_thread("lessons", move || lessons(prompts)),
        pending_on_thread("keys", move || keys(&secret, &file)),
    ]
}

fn data_folder(folder: &Path) -> Finding {
    let shown = folder.display();
    match try_out(folder) {
        Err(error) => Finding::fail(
            format!("nothing can be written to {shown}: {error}"),
            "give this user the right to, or choose another folder with --data",
        ),
        Ok(Some(room)) if room < TOO_LITTLE => Finding::fail(
            format!("{} are left for {shown}", in_words(room)),
            "make room, or choose another folder with --data",
        ),
        Ok(room) => roomy(&format!("{shown} takes files"), room),
    }
}

/// Sounds are kept in memory where they cannot be written.
fn audio_cache(folder: &Path) -> Finding {
    let shown = folder.display();
    match try_out(folder) {
        Err(error) => Finding::warn(
            format!(
                "nothing can be written to {shown}, so sounds are made again and again: {error}"
            ),
            "give this user the right to, or choose another folder with PARLA_AUDIO_CACHE",
        ),
        Ok(room) => roomy(&format!("{shown} takes files"), room),
    }
}

fn roomy(cause: &str, room: Option<u64>) -> Finding {
    match room {
        Some(room) if room < SCARCE => {
            Finding::warn(format!("{cause}, but {} are left", in_words(room)), "make room")
        }
        Some(room) => Finding::ok(format!("{cause}; {} are left", in_words(room))),
        None => Finding::ok(cause),
    }
}

/// Writes and removes a file in the folder, or where it will be made; returns the room there, in bytes.
fn try_out(folder: &Path) -> io::Result<Option<u64>> {
    let place = folder.ancestors().find(|place| place.exists()).filter(|p| *p != Path::new(""));
    let place = place.unwrap_or(Path::new("."));
    // A name of its own: two folders may be tried out in the same place at the same time.
    let trial = place.join(format!(".parla-doctor-{}", random_token()));
    let written = fs::File::create_new(&trial).and_then(|mut file| file.write_all(&[0; 4096]));
    let removed = fs::remove_file(&trial);
    written.and(removed)?;
    Ok(room(place))
}

/// What this user may still write, in bytes; `None` where nobody knows.
#[cfg(unix)]
fn room(place: &Path) -> Option<u64> {
    let told = rustix::fs::statvfs(place).ok()?;
    Some(told.f_bavail.saturating_mul(told.f_frsize))
}

#[cfg(not(unix))]
fn room(_: &Path) -> Option<u64> {
    None
}

fn in_words(bytes: u64) -> String {
    match bytes >> 20 {
        megabytes @ 0..10_000 => format!("{megabytes} MB"),
        megabytes => format!("{} GB", megabytes >> 10),
    }
}

async fn inspected(file: &Path) -> Finding {
    if !file.exists() {
        return Finding::ok("there is none yet; the first start makes it");
    }
    let Err(error) = storage::inspect(file).await else {
        return Finding::ok(format!("{} is whole", file.display()));
    };
    let fix = match error {
        StorageError::Damaged(_) => {
            "put back a copy of its folder, or move the folder away to begin anew"
        }
        StorageError::Newer { .. } => "run the newer parla, or choose another folder with --data",
        StorageError::Held(_) => "see which program holds it, and end that",
        _ => "see that this user may read and write it",
    };
    Finding::fail(error.to_string(), fix)
}

fn lessons(folder: PathBuf) -> Finding {
    let own = folder.is_dir();
    let prompts = Prompts::new(folder);
    if let Err(error) = Prompter::new(&prompts) {
        return Finding::fail(error.to_string(), "correct the template, or remove it");
    }
    let report = check::check(&prompts, FOLDER);
    let lessons: usize = report.shelves.iter().map(|shelf| shelf.lessons).sum();
    let place = if own { "in the folder of prompts" } else { "built in" };
    match report.problems.len() {
        0 => Finding::ok(format!("{lessons} lessons {place}, none with a problem")),
        count => Finding::warn(
            format!("{count} problems in {lessons} lessons"),
            "`parla lessons check` names them with their lines",
        ),
    }
}

/// The server's secret, and keys of providers that stand in the settings file or are named by it.
fn keys(secret: &Path, settings: &Path) -> Finding {
    if fs::metadata(secret).is_ok_and(|found| found.len() < 32) {
        let fix = format!("rm {}: the next start makes a new one", secret.display());
        return Finding::fail("the server's key is cut short", fix);
    }
    let mut files = vec![secret.to_owned()];
    files.extend(with_keys(settings));
    let open: Vec<String> = files
        .iter()
        .filter(|file| others_may_read(file))
        .map(|file| file.display().to_string())
        .collect();
    match open.as_slice() {
        [] => Finding::ok("nobody else may read them"),
        open => Finding::warn(
            format!("other users may read {}", open.join(", ")),
            format!("chmod 600 {}", open.join(" ")),
        ),
    }
}

fn with_keys(settings: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(settings).unwrap_or_default();
    let table: toml::Table = toml::from_str(&text).unwrap_or_default();
    let providers = table.get("providers").and_then(toml::Value::as_table);
    let providers: Vec<_> = providers.into_iter().flat_map(toml::Table::values).collect();
    let named = providers.iter().filter_map(|provider| provider.get("key_file")?.as_str());
    let mut files: Vec<PathBuf> = named.map(PathBuf::from).collect();
    if providers.iter().any(|provider| provider.get("key").is_some()) {
        files.push(settings.to_owned());
    }
    files
}

#[cfg(unix)]
fn others_may_read(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::State;

    #[test]
    fn trying_a_folder_out_leaves_nothing_behind_and_makes_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let later = folder.path().join("not/yet/there");
        assert_eq!(data_folder(&later).state, State::Ok);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_where_the_folder_should_be_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(data_folder(file.path()).state, State::Fail);
        assert_eq!(audio_cache(file.path()).state, State::Warn);
    }

    #[test]
    fn little_room_is_told_before_there_is_none() {
        assert_eq!(roomy("", Some(SCARCE - 1)).state, State::Warn);
        assert_eq!(roomy("", Some(SCARCE)).state, State::Ok);
        assert_eq!((in_words(700 << 20), in_words(70 << 30)), ("700 MB".into(), "70 GB".into()));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_pointed_out() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let [secret, settings, key] =
            ["secret", "parla.toml", "key"].map(|n| folder.path().join(n));
        fs::write(&secret, [7; 32]).unwrap();
        fs::write(&key, "sk-canary").unwrap();
        let text = format!("[providers.a]\nkey_file = {key:?}\n[providers.b]\nkey = 'canary'\n");
        fs::write(&settings, text).unwrap();
        let allow = |mode| {
            for file in [&secret, &settings, &key] {
                fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
            }
        };
        allow(0o600);
        assert_eq!(keys(&secret, &settings).state, State::Ok);
        allow(0o644);
        let found = keys(&secret, &settings);
        for file in [&secret, &settings, &key] {
            assert!(found.cause.contains(file.to_str().unwrap()), "{found:?}");
        }
        assert!(!format!("{found:?}").contains("canary"));
        fs::write(&secret, "short").unwrap();
        assert_eq!(keys(&secret, &settings).state, State::Fail);
    }
}
