//! The server's one secret, kept in the data folder. Everything that proves something is derived from it.

use std::{fmt, io, path::Path};

use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};

const BYTES: usize = 32;
/// Characters of a signature: 22 of 6 bits each are 132 bits.
const SIGNATURE_CHARS: usize = 22;

/// 32 random bytes that never leave the process but as signatures.
pub struct Secret(hmac::Key);

impl Secret {
    #[must_use]
    pub fn random() -> Self {
        Self::from_bytes(&random_bytes())
    }

    /// Reads the secret, or makes it at the first start, readable by its owner alone.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is too short to be a secret.
    pub fn load(file: &Path) -> io::Result<Self> {
        match std::fs::read(file) {
            Ok(bytes) if bytes.len() >= BYTES => Ok(Self::from_bytes(&bytes)),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is too short to be a key: remove it to make a new one", file.display()),
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bytes = random_bytes();
                write_private(file, &bytes)?;
                Ok(Self::from_bytes(&bytes))
            }
            Err(error) => Err(error),
        }
    }

    /// A signature of `text` for one purpose; a signature for another purpose is another.
    #[must_use]
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let tag = hmac::sign(&self.0, format!("{purpose}\0{text}").as_bytes());
        let bytes = tag.as_ref().iter().take(SIGNATURE_CHARS);
        bytes.map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect()
    }

    /// Compares signatures of both, so that the time it takes tells nothing of how much was right.
    #[must_use]
    pub fn verify(&self, purpose: &str, text: &str, signature: &str) -> bool {
        let expected = self.sign(purpose, text);
        let tag = hmac::sign(&self.0, expected.as_bytes());
        hmac::verify(&self.0, signature.as_bytes(), tag.as_ref()).is_ok()
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

fn random_bytes() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).expect("invariant: the system has a random source");
    bytes
}

#[cfg(unix)]
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(file)?.write_all(bytes)
}

#[cfg(not(unix))]
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(file, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_survives_a_restart_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let signature = Secret::load(&file).unwrap().sign("a", "b");
        assert!(Secret::load(&file).unwrap().verify("a", "b", &signature));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_signature_is_good_for_one_purpose_and_text() {
        let secret = Secret::random();
        let signature = secret.sign("audio", "file");
        assert!(secret.verify("audio", "file", &signature));
        assert!(!secret.verify("access", "file", &signature));
        assert!(!secret.verify("audio", "other", &signature));
        assert!(!Secret::random().verify("audio", "file", &signature));
    }

    #[test]
    fn a_short_file_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "short").unwrap();
        assert!(Secret::load(&folder.path().join("secret")).is_err());
    }
}
