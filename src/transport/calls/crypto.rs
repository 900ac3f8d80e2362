//! The ciphers that a call needs, from `ring` and `RustCrypto`. It holds no key longer than its call.
//!
//! The library's ready-made backend of the same kind brings a second TLS library through a feature of its certificate
//! generator, so its few traits are filled here.

mod handshake;

use aes::{
    Aes128, Aes256,
    cipher::{BlockEncrypt, KeyInit, StreamCipher},
};
use ctr::cipher::InnerIvInit;
use ring::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey},
    digest, hmac,
};
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, CryptoProvider,
    Sha1HmacProvider, Sha256Provider, SrtpProvider, SupportedAeadAes128Gcm, SupportedAeadAes256Gcm,
    SupportedAes128CmSha1_80, dtls::DtlsCert,
};

const TAG_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;

/// All of them, for every call of the process.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        srtp_provider: &Ciphers,
        sha1_hmac_provider: &Ciphers,
        sha256_provider: &Ciphers,
        dtls_provider: &Ciphers,
    }
}

/// A fresh self-signed certificate, which a caller knows by the fingerprint in the answer; `None` when the system
/// gives no random numbers.
pub(super) fn certificate() -> Option<DtlsCert> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).ok()?;
    let certificate = rcgen::CertificateParams::new(Vec::new()).ok()?.self_signed(&key).ok()?;
    Some(DtlsCert { certificate: certificate.der().to_vec(), private_key: key.serialize_der() })
}

/// Names the algorithms; each key lives in what it makes.
#[derive(Debug)]
struct Ciphers;

impl Sha1HmacProvider for Ciphers {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
        let mut context = hmac::Context::with_key(&key);
        payloads.iter().for_each(|payload| context.update(payload));
        context.sign().as_ref().try_into().expect("invariant: SHA-1 is 20 bytes")
    }
}

impl Sha256Provider for Ciphers {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        let digest = digest::digest(&digest::SHA256, data);
        digest.as_ref().try_into().expect("invariant: SHA-256 is 32 bytes")
    }
}

impl SrtpProvider for Ciphers {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Self
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Self
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Self
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        encrypt_padded(&Aes128::new(key.into()), input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        encrypt_padded(&Aes256::new(key.into()), input, output);
    }
}

/// One block and the whole block of PKCS#7 padding that follows it, as key derivation expects.
fn encrypt_padded<C: BlockEncrypt>(cipher: &C, input: &[u8], output: &mut [u8]) {
    let blocks = input.iter().copied().chain([BLOCK_BYTES as u8; BLOCK_BYTES]);
    output.iter_mut().zip(blocks).for_each(|(to, from)| *to = from);
    output.chunks_exact_mut(BLOCK_BYTES).for_each(|block| cipher.encrypt_block(block.into()));
}

impl SupportedAes128CmSha1_80 for Ciphers {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(CounterMode(Aes128::new(&key.into())))
    }
}

impl SupportedAeadAes128Gcm for Ciphers {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Gcm::new(&AES_128_GCM, &key))
    }
}

impl SupportedAeadAes256Gcm for Ciphers {
    fn create_cipher(&self, key: [u8; 32], _encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Gcm::new(&AES_256_GCM, &key))
    }
}

struct CounterMode(Aes128);

impl std::fmt::Debug for CounterMode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("CounterMode")
    }
}

impl Aes128CmSha1_80Cipher for CounterMode {
    fn encrypt(
        &mut self,
        iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        let core =
            ctr::CtrCore::<_, ctr::flavors::Ctr128BE>::inner_iv_init(self.0.clone(), iv.into());
        let mut stream = ctr::cipher::StreamCipherCoreWrapper::from_core(core);
        let output = output.get_mut(..input.len()).ok_or_else(no_room)?;
        stream.apply_keystream_b2b(input, output).map_err(|_| no_room())
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.encrypt(iv, input, output)
    }
}

#[derive(Debug)]
struct Gcm(LessSafeKey);

impl Gcm {
    fn new(algorithm: &'static Algorithm, key: &[u8]) -> Self {
        let key = UnboundKey::new(algorithm, key).expect("invariant: the key fits the algorithm");
        Self(LessSafeKey::new(key))
    }

    fn seal(
        &self,
        iv: &[u8; 12],
        aad: &[u8],
        (input, output): (&[u8], &mut [u8]),
    ) -> Result<(), CryptoError> {
        let (body, rest) = output.split_at_mut_checked(input.len()).ok_or_else(no_room)?;
        body.copy_from_slice(input);
        let nonce = Nonce::assume_unique_for_key(*iv);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), body);
        let place = rest.get_mut(..TAG_BYTES).ok_or_else(no_room)?;
        place.copy_from_slice(tag.map_err(not_authentic)?.as_ref());
        Ok(())
    }

    /// The output has exactly the room of what was sealed.
    fn open(
        &self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        (input, output): (&[u8], &mut [u8]),
    ) -> Result<usize, CryptoError> {
        let sealed = input.split_last_chunk::<TAG_BYTES>();
        let (body, tag) = sealed.ok_or_else(|| CryptoError::Other("no tag".to_owned()))?;
        let output = output.get_mut(..body.len()).ok_or_else(no_room)?;
        output.copy_from_slice(body);
        let (nonce, aad) = (Nonce::assume_unique_for_key(*iv), aads.concat());
        self.0
            .open_in_place_separate_tag(nonce, Aad::from(aad), (*tag).into(), output, 0..)
            .map_err(not_authentic)?;
        Ok(body.len())
    }
}

fn not_authentic(_: ring::error::Unspecified) -> CryptoError {
    CryptoError::Other("not authentic".to_owned())
}

fn no_room() -> CryptoError {
    CryptoError::Other("no room for the output".to_owned())
}

macro_rules! gcm_cipher {
    ($cipher:ident) => {
        impl $cipher for Gcm {
            fn encrypt(
                &mut self,
                iv: &[u8; 12],
                aad: &[u8],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<(), CryptoError> {
                self.seal(iv, aad, (input, output))
            }

            fn decrypt(
                &mut self,
                iv: &[u8; 12],
                aads: &[&[u8]],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<usize, CryptoError> {
                self.open(iv, aads, (input, output))
            }
        }
    };
}

gcm_cipher!(AeadAes128GcmCipher);
gcm_cipher!(AeadAes256GcmCipher);
