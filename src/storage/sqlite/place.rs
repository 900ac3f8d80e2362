//! Whether the file that was opened is still the one under its name. It opens nothing.
//!
//! A deleted file takes changes as long as it is open, and nobody finds them.

use std::{
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::super::StorageError;

/// A file as it was found when it was opened; clones share it.
#[derive(Clone)]
pub(super) struct Place {
    path: Arc<PathBuf>,
    identity: Identity,
}

impl Place {
    /// # Errors
    /// When there is no such file.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let identity = identity(&path.metadata()?);
        Ok(Self { path: Arc::new(path.to_owned()), identity })
    }

    /// # Errors
    /// When another file, or none, has the name.
    pub(super) async fn check(&self) -> Result<(), StorageError> {
        match tokio::fs::metadata(&*self.path).await {
            Ok(found) if identity(&found) == self.identity => Ok(()),
            Ok(_) | Err(_) => Err(StorageError::Moved),
        }
    }
}

/// The device and the file's number on it.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(found: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// Where open files cannot be deleted, being there is enough.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}
