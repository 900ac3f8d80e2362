//! The folder `prompts/`: from disk when it is there, else as embedded in the binary. It reads; it never writes.

pub mod cues;
pub mod lessons;

pub mod fault;
pub mod lesson;
pub mod wording;

pub mod pattern;
pub mod tagged;
pub mod unsaid;
pub mod words;

use std::path::PathBuf;

use rust_embed::RustEmbed;

/// Templates and lessons that teachers can replace without building parla.
#[derive(Clone, Debug)]
pub struct Prompts {
    /// A folder that takes the place of the embedded one.
    folder: Option<PathBuf>,
}

#[derive(RustEmbed)]
#[folder = "prompts/"]
struct Embedded;

impl Prompts {
    /// Reads from `folder` when it exists, else from the binary.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder: folder.is_dir().then_some(folder) }
    }

    /// What was built in.
    #[must_use]
    pub fn embedded() -> Self {
        Self { folder: None }
    }

    /// The text of one file, by its path inside the folder; `None` when there is none or it is not UTF-8.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<String> {
        match &self.folder {
            Some(folder) => std::fs::read_to_string(folder.join(path)).ok(),
            None => String::from_utf8(Embedded::get(path)?.data.into_owned()).ok(),
        }
    }

    /// The paths of all files below `prefix` (a folder, ending in `/`), sorted.
    #[must_use]
    pub fn list(&self, prefix: &str) -> Vec<String> {
        let mut paths = match &self.folder {
            Some(folder) => files_below(folder, prefix),
            None => {
                Embedded::iter().map(String::from).filter(|path| path.starts_with(prefix)).collect()
            }
        };
        paths.sort_unstable();
        paths
    }
}

fn files_below(root: &std::path::Path, prefix: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.join(prefix)) else { return Vec::new() };
    let mut paths = Vec::new();
    for entry in entries.flatten() {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => paths.extend(files_below(root, &format!("{path}/"))),
            Ok(_) => paths.push(path),
            Err(_) => {}
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_on_disk_takes_the_place_of_the_embedded_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("lessons/en")).unwrap();
        std::fs::write(folder.path().join("lessons/en/own.toml"), "mine").unwrap();
        let prompts = Prompts::new(folder.path().to_owned());
        assert_eq!(prompts.list("lessons/"), ["lessons/en/own.toml"]);
        assert_eq!(prompts.read("lessons/en/own.toml").as_deref(), Some("mine"));
        assert_eq!(prompts.read("lessons/en/other.toml"), None);
    }
}
